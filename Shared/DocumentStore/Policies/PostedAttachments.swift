import CouchProtocol
import JSON

/// What the documents of a post say about their attachments, by their places in it.
///
/// Contents that came with documents are in the store already.
struct PostedAttachments: Sendable {
    private var said: [Int: Result<[EditedAttachment], CouchError>] = [:]

    /// What the document at that place says; nil when it says nothing, and so keeps what there is.
    func attachments(at place: Int) throws(CouchError) -> [EditedAttachment]? {
        try said[place]?.get()
    }

    fileprivate mutating func note(_ result: Result<[EditedAttachment], CouchError>, at place: Int) {
        said[place] = result
    }
}

extension DocumentStore {
    /// Reads the member `_attachments` of posted documents, and takes in the contents that are in it, those of all
    /// documents together.
    func takeAttachments(of post: DocumentPost, in database: Database) async throws -> PostedAttachments {
        var posted = PostedAttachments()
        var incoming: [(place: Int, attachments: [IncomingAttachment])] = []
        for (place, document) in post.documents.enumerated() {
            guard let value = document["_attachments"] else { continue }
            do {
                guard let members = value.objectValue else {
                    throw CouchError.documentValidation("Bad special document member: _attachments")
                }
                incoming.append((place, try IncomingDocument.attachments(members, rules: database.documentRules)))
            } catch let error as CouchError {
                posted.note(.failure(error), at: place)
            }
        }
        let contents = incoming.flatMap(\.attachments).compactMap { attachment -> NewContent? in
            guard case .inline(let bytes) = attachment.content else { return nil }
            return NewContent(bytes)
        }
        var kept = try await keep(contents)[...]
        for (place, attachments) in incoming {
            posted.note(Result { () throws(CouchError) in try Self.edited(attachments, &kept) }, at: place)
        }
        return posted
    }

    /// - Parameter kept: The contents that came with these attachments, and with others behind them.
    private static func edited(
        _ incoming: [IncomingAttachment],
        _ kept: inout ArraySlice<StoredContent>
    ) throws(CouchError) -> [EditedAttachment] {
        let own = incoming.filter { if case .inline = $0.content { true } else { false } }.count
        var contents = kept.prefix(own)
        kept = kept.dropFirst(own)
        return try incoming.map { attachment throws(CouchError) in
            switch attachment.content {
            case .stub:
                return .stub(
                    name: attachment.name,
                    revisionPosition: attachment.revisionPosition,
                    digest: attachment.digest
                )
            case .inline:
                guard let content = contents.popFirst() else { throw .internalError }
                return .new(
                    NewAttachment(name: attachment.name, contentType: attachment.contentType, content: content)
                )
            case .follows:
                throw .badRequest("The content of the attachment '\(attachment.name)' is not in the document.")
            }
        }
    }
}

extension EditedAttachment {
    /// Whether it leaves a revision's attachment as it is.
    func leaves(_ stored: StoredAttachment) -> Bool {
        guard name.utf8.elementsEqual(stored.name.utf8) else { return false }
        switch self {
        case .stub(_, _, let digest): return digest == nil || digest == stored.content.digest
        case .new(let new): return new.content.id == stored.content.id && new.contentType == stored.contentType
        case .kept(let kept): return kept.content.id == stored.content.id
        }
    }
}
