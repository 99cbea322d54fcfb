package import JSON

/// Takes large contents of attachments out of a document that is a whole text, while it arrives.
package struct WholeDocumentSplitter: Sendable {
    private enum Place {
        case before
        case document
        case behind
        /// In what is no object.
        case other
    }

    private let limits: DocumentSplitter.Limits
    private let json: JSONLimits
    private var splitter: DocumentSplitter
    private var place = Place.before
    private var document: SplitDocument?
    private var other: [UInt8] = []

    /// - Parameter json: The limits of JSON.
    package init(_ limits: DocumentSplitter.Limits, json: JSONLimits = JSONLimits()) {
        self.limits = limits
        self.json = json
        splitter = DocumentSplitter(limits)
    }

    /// How many bytes are in memory.
    package var byteCount: Int { splitter.byteCount + other.count + (document?.text.count ?? 0) }

    /// Takes the next bytes of the text.
    ///
    /// - Returns: What is known of contents with them.
    /// - Throws: `too_large` when what stays of the document is longer than the limit.
    package mutating func append(_ bytes: [UInt8]) throws(CouchError) -> [DocumentSplitter.Event] {
        var events: [DocumentSplitter.Event] = []
        try bytes.withUnsafeBufferPointer { buffer throws(CouchError) in
            var position = 0
            while position < buffer.count {
                if place == .document {
                    if try splitter.take(buffer, from: &position, &events) { place = .behind }
                } else {
                    try take(buffer[position])
                    // A document begins with the byte that it was recognised by.
                    if place != .document { position += 1 }
                }
            }
        }
        if case .document(let found) = events.last {
            guard !found.isTooLarge else { throw .tooLarge }
            document = found
            events.removeLast()
        }
        return events
    }

    /// What stays of the document, now that the text is there.
    ///
    /// - Throws: `bad_request` when there is none.
    package func finish() throws(CouchError) -> SplitDocument {
        if let document { return document }
        switch place {
        case .before: throw .badRequest("Missing request body")
        case .other:
            _ = try JSONScan(received: other, in: other.indices, limits: json)
            throw .documentNotObject
        case .document, .behind: throw .badRequest("invalid UTF-8 JSON: the text ends within the document")
        }
    }

    private mutating func take(_ byte: UInt8) throws(CouchError) {
        let isSpace = byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
        switch place {
        case .before where byte == UInt8(ascii: "{"): place = .document
        case .before where isSpace: break
        case .before, .other:
            place = .other
            guard other.count < limits.text else { throw .tooLarge }
            other.append(byte)
        case .behind where isSpace: break
        case .behind, .document: throw .badRequest("invalid UTF-8 JSON: unexpected text behind the document")
        }
    }
}
