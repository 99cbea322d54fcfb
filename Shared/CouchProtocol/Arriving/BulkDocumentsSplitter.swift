package import JSON

/// Takes the documents out of the body of a `_bulk_docs` while it arrives, and large contents out of those.
///
/// What is in memory is one document without such contents, and what stands around the documents.
package struct BulkDocumentsSplitter: Sendable {
    private enum Place {
        case around
        /// Within `docs`, where a document must come, may come, or has just ended.
        case beforeDocument
        case atStart
        case behindDocument
        case document
    }

    /// How many bytes there may be around the documents.
    private static let restLimit = 1 << 20

    private let json: JSONLimits
    private let countLimit: Int
    private var document: DocumentSplitter
    private var place = Place.around
    private var count = 0

    // Around the documents.
    private var rest: [UInt8] = []
    private var depth = 0
    private var isString = false
    private var isEscaped = false
    private var awaitsName = false
    /// Where a name begins in `rest` that is being read.
    private var nameStart: Int?
    private var isDocs = false
    private var hasDocs = false

    /// Whether it is said already that the documents were made elsewhere (`"new_edits":false` in front of them).
    package private(set) var areMadeElsewhere = false

    /// - Parameters:
    ///   - json: The limits of the JSON around the documents.
    ///   - countLimit: How many documents there may be.
    package init(_ limits: DocumentSplitter.Limits, json: JSONLimits = JSONLimits(), countLimit: Int = 100_000) {
        document = DocumentSplitter(limits)
        self.json = json
        self.countLimit = countLimit
    }

    /// How many bytes are in memory.
    package var byteCount: Int { rest.count + document.byteCount }

    /// Takes the next bytes of the body.
    ///
    /// - Returns: What is known with them, in order.
    package mutating func append(_ bytes: [UInt8]) throws(CouchError) -> [DocumentSplitter.Event] {
        var events: [DocumentSplitter.Event] = []
        try bytes.withUnsafeBufferPointer { buffer throws(CouchError) in
            var position = 0
            while position < buffer.count {
                switch place {
                case .around:
                    try takeAround(buffer[position])
                    position += 1
                case .document:
                    if try document.take(buffer, from: &position, &events) { place = .behindDocument }
                default:
                    if try isSkipped(buffer[position]) { position += 1 }
                }
            }
        }
        return events
    }

    /// What the body says besides its documents, now that it is there.
    package func finish() throws(CouchError) -> BulkDocumentsRequest {
        try BulkDocumentsRequest(around: rest, json: json)
    }

    // MARK: - Within the list

    /// Whether a byte between documents is done with; not the first one of a document.
    private mutating func isSkipped(_ byte: UInt8) throws(CouchError) -> Bool {
        switch (byte, place) {
        case (0x20, _), (0x09, _), (0x0A, _), (0x0D, _): return true
        case (UInt8(ascii: ","), .behindDocument):
            place = .beforeDocument
            return true
        case (UInt8(ascii: "]"), .behindDocument), (UInt8(ascii: "]"), .atStart):
            rest.append(byte)
            depth -= 1
            place = .around
            return true
        case (_, .behindDocument): throw Self.notJSON
        case (UInt8(ascii: "{"), _):
            count += 1
            guard count <= countLimit else { throw .badRequest("`docs` has more than \(countLimit) documents.") }
            place = .document
            return false
        case (UInt8(ascii: "\""), _), (UInt8(ascii: "["), _), (UInt8(ascii: "-"), _),
            (UInt8(ascii: "0")...UInt8(ascii: "9"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "f"), _),
            (UInt8(ascii: "n"), _):
            throw .documentNotObject
        default: throw Self.notJSON
        }
    }

    private static let notJSON = CouchError.badRequest("invalid UTF-8 JSON: `docs` is no list of documents")

    // MARK: - Around the list

    private mutating func takeAround(_ byte: UInt8) throws(CouchError) {
        guard rest.count < Self.restLimit else { throw .tooLarge }
        rest.append(byte)
        guard !isString else {
            takeInString(byte)
            return
        }
        switch byte {
        case UInt8(ascii: "\""):
            isString = true
            if depth == 1, awaitsName { nameStart = rest.count }
        case UInt8(ascii: "{"):
            depth += 1
            awaitsName = depth == 1
        case UInt8(ascii: "["):
            depth += 1
            if depth == 2, isDocs { try beginList() }
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        case UInt8(ascii: ","): if depth == 1 { awaitsName = true }
        case UInt8(ascii: ":"): if depth == 1 { awaitsName = false }
        default: break
        }
    }

    private mutating func takeInString(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isString = false
            guard let start = nameStart else { return }
            nameStart = nil
            isDocs = JSONText.unescaped(Array(rest[start..<rest.count - 1])) == Array("docs".utf8)
        }
    }

    private mutating func beginList() throws(CouchError) {
        // What is taken out of a first list cannot be taken back.
        guard !hasDocs else { throw BulkDocumentsRequest.twice("docs") }
        hasDocs = true
        place = .atStart
        areMadeElsewhere = try !BulkDocumentsRequest(around: rest + Array("]}".utf8), json: json).makesNewRevisions
    }
}
