import CouchProtocol
import DocumentStore
import Hummingbird

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

extension AttachedDocument {
    /// Appends the document as JSON to an answer that is gathered in `output`.
    ///
    /// One with contents in it goes to the client at once, piece by piece, behind what was gathered.
    @concurrent func write(
        to output: inout [UInt8],
        sending writer: inout some ResponseBodyWriter,
        of database: Database,
        from store: DocumentStore
    ) async throws {
        guard hasContents else { return document.write(to: &output, rules: database.documentRules) }
        var pieces = PieceWriter(writer)
        try await pieces.write(output)
        output.removeAll(keepingCapacity: true)
        try await pieces.write(document, attachments, rules: database.documentRules, from: store)
        try await pieces.flush()
    }
}

/// A place in a text where the content of an attachment must come, in Base64.
struct ContentGap: Sendable {
    let place: Int
    let attachment: StoredAttachment
}

extension AttachedDocument {
    /// Appends the document as JSON, and says where the contents go that are not at hand.
    func write(to output: inout [UInt8], rules: DocumentRules) -> [ContentGap] {
        var gaps: [ContentGap] = []
        for piece in document.pieces(rules: rules) {
            switch piece {
            case .text(let text): output.append(contentsOf: text)
            case .content(let place): gaps.append(ContentGap(place: output.count, attachment: attachments[place]))
            }
        }
        return gaps
    }
}
