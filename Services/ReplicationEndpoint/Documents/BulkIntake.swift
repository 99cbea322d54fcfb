import CouchProtocol
import DocumentStore
import JSON

/// Takes in the documents of a `_bulk_docs` one by one while they arrive.
///
/// Contents of attachments go to the store at once: the large ones piece by piece, small ones some at a time. So what
/// is in memory is the rest of the documents, and the one that is arriving.
struct BulkIntake {
    /// A document of the request, in its place.
    enum Item: Sendable {
        case document(IncomingDocument, [EditedAttachment])
        case local(LocalEdit)
        /// One that is beyond a limit; what it calls itself, as far as that is known.
        case refused(CouchError, id: JSONValue?, rev: JSONValue?)
    }

    /// How many bytes of small contents are in memory together.
    private static let pendingLimit = 4 << 20

    private let store: DocumentStore
    private let limits: EndpointLimits
    private let intake: DocumentIntake
    private var splitter: BulkDocumentsSplitter
    private var arriving: ArrivingContents
    private(set) var items: [Item] = []
    private var itemBytes = 0
    /// The places of documents whose small contents are still to go to the store.
    private var pending: [(place: Int, contents: [StoredContent])] = []
    private var pendingBytes = 0
    /// The contents that no document refers to yet.
    private var loose: [StoredContent] = []
    private var lastSign = ContinuousClock.now

    init(_ database: Database, _ limits: EndpointLimits, to store: DocumentStore) {
        self.store = store
        self.limits = limits
        intake = DocumentIntake(database, limits)
        splitter = BulkDocumentsSplitter(
            // Twice the body: for the white space in it, and for what is not part of it.
            DocumentSplitter.Limits(text: min(limits.requestBody, 2 * limits.documents.bodyLimit + 1 << 20)),
            json: limits.json,
            countLimit: limits.bulkDocs
        )
        arriving = ArrivingContents(to: store, rules: intake.rules)
    }

    /// How many bytes are in memory.
    var byteCount: Int { splitter.byteCount + itemBytes + pendingBytes }

    /// Whether it is said already that the documents were made elsewhere, so that some can be written before the others
    /// are there.
    var areMadeElsewhere: Bool { splitter.areMadeElsewhere }

    /// Takes the next bytes of the body in.
    ///
    /// - Throws: What refuses the whole request.
    mutating func append(_ bytes: [UInt8]) async throws {
        for event in try splitter.append(bytes) {
            if case .document(let document) = event {
                try await take(document)
            } else {
                try await arriving.take(event)
            }
        }
        guard lastSign.duration(to: .now) > ContentUpload.signOfLife else { return }
        lastSign = .now
        try await store.want(loose)
    }

    /// What the body says besides its documents, now that it is there.
    func finish() throws(CouchError) -> BulkDocumentsRequest { try splitter.finish() }

    /// The documents that have come since the last time.
    mutating func takeItems() async throws -> [Item] {
        try await keepPending()
        defer {
            items = []
            itemBytes = 0
            loose = []
        }
        return items
    }

    /// Forgets what has arrived of a body that is not taken.
    mutating func abandon() async { await arriving.abandon() }

    private mutating func take(_ document: SplitDocument) async throws {
        let (contents, failure) = arriving.endDocument()
        loose += contents
        do throws(CouchError) {
            if let failure { throw failure }
            try add(document, contents)
        } catch {
            guard error.isLimit else { throw error }
            let (id, rev) = names(of: document)
            items.append(.refused(error, id: id, rev: rev))
            // The error may name the id once more.
            itemBytes += Self.overhead + 2 * (document.id?.count ?? 0) + (document.revision?.count ?? 0)
        }
        if pendingBytes > Self.pendingLimit { try await keepPending() }
    }

    private mutating func add(_ split: SplitDocument, _ contents: [StoredContent]) throws(CouchError) {
        guard !split.isTooLarge else { throw .documentTooLarge(names(of: split).id?.stringValue ?? "") }
        guard !split.isLocal else {
            let edit = try LocalEdit(parsing: split.text, limits)
            items.append(.local(edit))
            itemBytes += Self.overhead + edit.body.count
            return
        }
        let document = try intake.document(split.text, in: split.text.indices, contents: split.contentCount)
        let inline = document.inlineBytes
        try AttachmentIntake(store: store, rules: intake.rules)
            .check(total: inline + contents.reduce(0) { $0 + $1.length })
        itemBytes += Self.overhead + document.byteCount - inline
        if document.attachments?.isEmpty == false {
            pending.append((items.count, contents))
            pendingBytes += inline
        }
        items.append(.document(document, []))
    }

    /// What a document takes beside its text.
    private static let overhead = 512

    /// The id and the revision of a document that is not taken.
    private func names(of document: SplitDocument) -> (id: JSONValue?, rev: JSONValue?) {
        func value(_ text: [UInt8]?) -> JSONValue? {
            text.flatMap { try? JSONValue(parsing: Array("\"".utf8) + $0 + Array("\"".utf8), limits: limits.json) }
        }
        return (value(document.id), value(document.revision))
    }

    /// Takes small contents to the store, those of many documents at once.
    private mutating func keepPending() async throws {
        guard !pending.isEmpty else { return }
        var documents: [IncomingDocument] = []
        for (place, _) in pending {
            guard case .document(let document, _) = items[place] else { continue }
            documents.append(document)
        }
        let attachments = try await AttachmentIntake(store: store, rules: intake.rules)
            .edited(documents, arrived: pending.map(\.contents))
        for ((place, _), (var document, attachments)) in zip(pending, zip(documents, attachments)) {
            document.attachments = nil
            items[place] = .document(document, attachments)
            for case .new(let attachment) in attachments { loose.append(attachment.content) }
        }
        pending = []
        pendingBytes = 0
    }
}

extension IncomingDocument {
    /// How many bytes of contents came with it and are still with it.
    fileprivate var inlineBytes: Int {
        (attachments ?? []).reduce(0) { sum, attachment in
            guard case .inline(let bytes) = attachment.content else { return sum }
            return sum + bytes.count
        }
    }

    /// About how many bytes it takes.
    fileprivate var byteCount: Int {
        body.count + inlineBytes + 32 * (revision?.revisions.count ?? 0) + 64 * (groups?.count ?? 0)
            + (attachments ?? []).reduce(0) { $0 + 256 + $1.name.utf8.count + $1.contentType.utf8.count }
    }
}
