import CouchProtocol
import DocumentStore

/// Takes the contents that come in Base64 within a document to the store while they arrive, so that none of them is in
/// memory as a whole.
struct ArrivingContents {
    private let store: DocumentStore
    private let rules: DocumentRules
    private var upload: ContentUpload?
    private var decoder = Base64Decoder()
    private var name = ""
    private var total = 0
    /// The contents of the document that is arriving, in their order.
    private(set) var contents: [StoredContent] = []
    /// Why the document cannot be taken, whose contents are too large or too many; what else comes is passed over.
    private(set) var failure: CouchError?

    init(to store: DocumentStore, rules: DocumentRules) {
        self.store = store
        self.rules = rules
    }

    /// Takes the next part of a document in.
    ///
    /// - Throws: `bad_request` when it is no Base64.
    mutating func take(_ event: DocumentSplitter.Event) async throws {
        guard failure == nil else { return }
        do {
            switch event {
            case .contentStart(let name): try begin(name)
            case .content(let characters): try await take(characters)
            case .contentEnd: try await finish()
            case .document: break
            }
        } catch let error as CouchError where error.isLimit {
            await abandon()
            failure = error
        }
    }

    /// What has come of a document that is there, and forgets it.
    mutating func endDocument() -> (contents: [StoredContent], failure: CouchError?) {
        defer { self = ArrivingContents(to: store, rules: rules) }
        return (contents, failure)
    }

    /// Forgets what has arrived of a content that does not come to its end, as far as that is possible.
    mutating func abandon() async {
        await upload?.abandon()
        upload = nil
    }

    private mutating func begin(_ name: String) throws(CouchError) {
        guard contents.count < rules.attachmentLimit else {
            throw .tooManyAttachments("The document has more than \(rules.attachmentLimit) attachments.")
        }
        self.name = name
        decoder = Base64Decoder()
        upload = ContentUpload(to: store, name: name, limit: rules.attachmentSizeLimit, beside: contents)
    }

    private mutating func take(_ characters: [UInt8]) async throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3 + 3)
        guard decoder.append(characters, to: &bytes) else { throw invalid }
        try await take(bytes: bytes)
    }

    private mutating func take(bytes: [UInt8]) async throws {
        total += bytes.count
        try AttachmentIntake(store: store, rules: rules).check(total: total)
        try await upload?.append(bytes)
    }

    private mutating func finish() async throws {
        var rest: [UInt8] = []
        guard decoder.finish(to: &rest) else { throw invalid }
        try await take(bytes: rest)
        guard let content = try await upload?.finish() else { throw CouchError.internalError }
        upload = nil
        contents.append(content)
    }

    private var invalid: CouchError { .badRequest("Invalid attachment data for \(name)") }
}

extension CouchError {
    /// Whether something is larger than it may be.
    var isLimit: Bool { status == 413 || error == "illegal_docid" }
}
