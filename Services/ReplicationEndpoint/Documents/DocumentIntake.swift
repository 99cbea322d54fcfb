import CouchProtocol
import DocumentStore

/// Makes edits of the documents that clients send, by the settings of the database.
struct DocumentIntake: Sendable {
    let rules: DocumentRules

    init(_ database: Database, _ limits: EndpointLimits) {
        rules = database.documentRules(over: limits.documents)
    }

    /// The document that a part of a request's body says.
    func document(_ bytes: [UInt8], in range: Range<Int>) throws(CouchError) -> IncomingDocument {
        try IncomingDocument(parsing: bytes, in: range, rules: rules)
    }

    /// The document that is the body of a request, with its attachments in it or as parts behind it.
    func receive(_ exchange: Exchange, to store: DocumentStore) async throws -> ReceivedDocument {
        guard !MultipartDocument.reads(exchange) else {
            return try await MultipartDocument.read(exchange, rules: rules, to: store)
        }
        let body = try await exchange.requiredBody()
        let document = try document(body, in: body.indices)
        let attachments = try await AttachmentIntake(store: store, rules: rules).edited([document])
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
