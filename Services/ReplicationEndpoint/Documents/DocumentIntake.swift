import CouchProtocol
import DocumentStore

/// Makes edits of the documents that clients send, by the settings of the database.
struct DocumentIntake: Sendable {
    private let rules: DocumentRules

    init(_ database: Database) {
        rules = database.documentRules
    }

    /// The document that a part of a request's body says.
    func document(_ bytes: [UInt8], in range: Range<Int>) throws(CouchError) -> IncomingDocument {
        let document = try IncomingDocument(parsing: bytes, in: range, rules: rules)
        guard document.attachments?.isEmpty ?? true else {
            throw CouchError(status: 501, error: "not_implemented", reason: "Attachments are not kept by this version.")
        }
        return document
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
            tags: AskedTags(owner: document.owner.map { .named($0) } ?? .unmentioned, groups: document.groups)
        )
    }
}

extension Database {
    /// What this database demands of documents.
    var documentRules: DocumentRules {
        var rules = DocumentRules()
        rules.ownerMember = settings.ownerMember
        rules.groupsMember = settings.groupsMember
        return rules
    }
}
