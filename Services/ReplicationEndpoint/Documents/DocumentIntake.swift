import CouchProtocol
import DocumentStore

/// Makes edits of the documents that clients send, by the settings of the database.
struct DocumentIntake: Sendable {
    let rules: DocumentRules

    init(_ database: Database, _ limits: EndpointLimits) {
        rules = database.documentRules(over: limits.documents)
    }

    /// The document that a part of a request's body says.
    ///
    /// - Parameter contents: How many contents of attachments were taken out of it.
    func document(
        _ bytes: [UInt8],
        in range: Range<Int>,
        contents: Int = 0
    ) throws(CouchError) -> IncomingDocument {
        try IncomingDocument(parsing: bytes, in: range, rules: rules, contents: contents)
    }

    /// The document that is the body of a request, with its attachments in it or as parts behind it.
    func receive(_ exchange: Exchange, to store: DocumentStore) async throws -> ReceivedDocument {
        guard !MultipartDocument.reads(exchange) else {
            return try await MultipartDocument.read(exchange, rules: rules, to: store)
        }
        return try await receive(try await text(of: exchange, to: store), to: store)
    }

    /// The text of the document that is the body of a request; its large contents are taken to the store while they
    /// arrive.
    func text(of exchange: Exchange, to store: DocumentStore) async throws -> ArrivedDocument {
        let limits = DocumentSplitter.Limits(text: exchange.limits.requestBody)
        var splitter = WholeDocumentSplitter(limits, json: exchange.limits.json)
        var arriving = ArrivingContents(to: store, rules: rules)
        do {
            try await exchange.readBody(limit: exchange.limits.bulkBody) { piece in
                for event in try splitter.append(piece) { try await arriving.take(event) }
                if let failure = arriving.failure { throw failure }
                try exchange.bodyShare.hold(splitter.byteCount)
            }
            return ArrivedDocument(text: try splitter.finish(), contents: arriving.contents)
        } catch {
            await arriving.abandon()
            throw error
        }
    }

    /// The document that a text says, with its attachments.
    func receive(_ arrived: ArrivedDocument, to store: DocumentStore) async throws -> ReceivedDocument {
        let text = arrived.text.text
        let document = try document(text, in: text.indices, contents: arrived.contents.count)
        let attachments = try await AttachmentIntake(store: store, rules: rules)
            .edited([document], arrived: [arrived.contents])
        return ReceivedDocument(document: document, attachments: attachments[0])
    }

    /// An edit that gets a new revision, behind the one that the document names.
    func edit(_ document: IncomingDocument, id: DocumentID, after parent: RevisionID? = nil) -> DocumentEdit {
        edit(document, id: id, .next(after: parent ?? document.revision?.revision))
    }

    /// A revision that was made elsewhere (`new_edits=false`).
    func replica(_ document: IncomingDocument, id: DocumentID) throws(CouchError) -> DocumentEdit {
        guard let path = document.revision else { throw Self.withoutRevision }
        return edit(document, id: id, .made(path))
    }

    private static let withoutRevision = CouchError.badRequest(
        "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"
    )

    private func edit(
        _ document: IncomingDocument,
        id: DocumentID,
        _ revision: DocumentEdit.Revision
    )
        -> DocumentEdit
    {
        DocumentEdit(
            id: id,
            revision: revision,
            isDeleted: document.isDeleted,
            body: DocumentBody(bytes: document.body, isFaithfulInJSONB: document.isFaithfulInJSONB),
            tags: AskedTags(
                owner: document.mentionsOwner ? .named(document.owner) : .unmentioned,
                groups: document.groups
            )
        )
    }
}

/// A document that a client sent, before it is read, with the contents that were taken out of it.
struct ArrivedDocument: Sendable {
    let text: SplitDocument
    let contents: [StoredContent]
}
