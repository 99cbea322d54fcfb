package import CouchProtocol

/// A change of one document that somebody asks for.
package struct DocumentEdit: Sendable {
    /// How the change names the revision that it makes.
    package enum Revision: Sendable, Hashable {
        /// The store names it; it follows that leaf, or nothing when the document is new or deleted.
        case next(after: RevisionID?)
        /// It was made elsewhere and is taken over with its history (`new_edits=false`).
        case made(RevisionPath)
    }

    package var id: DocumentID
    package var revision: Revision
    package var isDeleted: Bool
    package var body: DocumentBody
    package var tags: AskedTags
    /// All attachments of the revision; those of the one before that are not among them are gone.
    package var attachments: [EditedAttachment] = []

    package init(id: DocumentID, revision: Revision, isDeleted: Bool = false, body: DocumentBody, tags: AskedTags) {
        self.id = id
        self.revision = revision
        self.isDeleted = isDeleted
        self.body = body
        self.tags = tags
    }
}

/// The content of a revision: the text of a JSON object, without the members that are CouchDB's or the store's.
package struct DocumentBody: Sendable, Hashable {
    package let bytes: [UInt8]
    /// Whether JSONB gives back the value that the text says; otherwise the text is kept beside it.
    package let isFaithfulInJSONB: Bool

    package init(bytes: [UInt8], isFaithfulInJSONB: Bool) {
        self.bytes = bytes
        self.isFaithfulInJSONB = isFaithfulInJSONB
    }

    /// A body without members, such as a tombstone has.
    package static let empty = DocumentBody(bytes: Array("{}".utf8), isFaithfulInJSONB: true)
}

/// How an edit ended.
package enum EditOutcome: Sendable, Hashable {
    /// It is committed, or was known before.
    case written(RevisionID)
    /// It was refused, alone of its batch.
    case refused(CouchError)
}
