package import CouchProtocol

/// One revision of a document as the store gives it out, its body as bytes that nobody has decoded.
package struct StoredRevision: Sendable {
    package let id: DocumentID
    package let revision: RevisionID
    package let isDeleted: Bool
    package let tags: Tags
    /// The text of a JSON object, without the members that are CouchDB's or the store's.
    package let body: [UInt8]
    /// The attachments, in the order in which they were written.
    package var attachments: [StoredAttachment] = []
    /// The document's history as the caller sees it; nil where it was not asked for.
    package let tree: RevisionTree<Tags>?
    /// The number of the document's last change.
    package let seq: Int
    /// The key of the document's row.
    let document: Int64
    /// The revision under which the store has it: another than the one that is shown, where it came back to the caller.
    let stored: RevisionID
}

/// What a reader asks of a document.
package struct RevisionRequest: Sendable, Hashable {
    package let id: DocumentID
    /// Nil for the winner.
    package let revision: RevisionID?

    package init(id: DocumentID, revision: RevisionID? = nil) {
        self.id = id
        self.revision = revision
    }
}

extension OutgoingDocument {
    /// The document of a stored revision.
    package init(_ stored: StoredRevision) {
        self.init(id: stored.id, revision: stored.revision, body: stored.body)
        isDeleted = stored.isDeleted
        owner = stored.tags.owner
        groups = stored.tags.groups
        attachments = stored.attachments.map { $0.outgoing() }
    }
}
