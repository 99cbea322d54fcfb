import CouchProtocol
import DocumentStore

/// A document on its way to a client, with the attachments of its revision in the order in which it shows them.
struct AttachedDocument: Sendable {
    var document: OutgoingDocument
    var attachments: [StoredAttachment]

    /// The attachments whose contents follow the document.
    var following: [(OutgoingAttachment, StoredAttachment)] {
        Array(zip(document.attachments, attachments).filter { $0.0.content == .follows })
    }

    /// Whether contents are to be written within the document.
    var hasContents: Bool { document.attachments.contains { $0.content == .streamed } }
}

extension AttachedDocument {
    /// One of several revisions that are answered at once.
    ///
    /// - Parameter form: As parts, all contents that the client lacks are sent, whatever it asks, as in CouchDB.
    init(
        _ revision: StoredRevision,
        _ options: AttachmentOptions,
        withHistory: Bool,
        as form: AttachmentOptions.Form
    ) {
        document = OutgoingDocument(revision)
        attachments = revision.attachments
        if withHistory { document.revisions = revision.tree?.path(to: revision.revision) }
        var options = options
        if form == .part { options.sendsContents = true }
        document.attachments = options.outgoing(revision, as: form)
    }
}
