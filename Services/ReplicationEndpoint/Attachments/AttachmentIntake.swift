import CouchProtocol
import DocumentStore

/// Takes in the attachments of documents that clients send, as edits refer to them.
struct AttachmentIntake: Sendable {
    let store: DocumentStore
    let rules: DocumentRules

    /// The attachments of documents whose contents came with them, in the order given; all contents in few round trips.
    ///
    /// - Parameter arrived: Of each document the contents that were taken out of its text; none where it is shorter.
    /// - Throws: `bad_request` when a content was to follow.
    func edited(
        _ documents: [IncomingDocument],
        arrived: [[StoredContent]] = []
    ) async throws -> [[EditedAttachment]] {
        var inline: [NewContent] = []
        for (number, document) in documents.enumerated() {
            var total = 0
            for attachment in document.attachments ?? [] {
                switch attachment.content {
                case .stub: break
                case .follows:
                    guard number < arrived.count, let place = attachment.place, place < arrived[number].count else {
                        throw Self.nothingFollows(attachment.name)
                    }
                    total += arrived[number][place].length
                case .inline(let bytes):
                    total += bytes.count
                    inline.append(NewContent(bytes))
                }
            }
            try check(total: total)
        }
        var kept = try await store.keep(inline)[...]
        return try documents.enumerated().map { number, document in
            try (document.attachments ?? []).map { attachment in
                let content: StoredContent
                switch attachment.content {
                case .stub: return attachment.stub
                case .follows: content = arrived[number][attachment.place ?? 0]
                case .inline:
                    guard let next = kept.popFirst() else { throw CouchError.internalError }
                    content = next
                }
                // What comes in Base64 comes unpacked.
                return .new(
                    NewAttachment(
                        name: attachment.name,
                        contentType: attachment.contentType,
                        content: content,
                        revisionPosition: attachment.revisionPosition
                    )
                )
            }
        }
    }

    /// Refuses documents whose attachments are too large together.
    func check(total: Int) throws(CouchError) {
        guard total <= rules.attachmentTotalLimit else {
            throw .tooManyAttachments(
                "The attachments of the document have more than \(rules.attachmentTotalLimit) bytes together."
            )
        }
    }

    static func nothingFollows(_ name: String) -> CouchError {
        .badRequest("The content of the attachment \(name) follows nowhere: the body is not multipart/related.")
    }
}

extension IncomingAttachment {
    /// The attachment as one that is in the revision before.
    var stub: EditedAttachment { .stub(name: name, revisionPosition: revisionPosition, digest: digest) }
}

/// How contents may be compressed.
enum ContentEncoding {
    /// The encoding that a header or a description names; nil for none.
    ///
    /// - Throws: `bad_content_type` for others than gzip, as CouchDB does.
    static func parse(_ text: String?) throws(CouchError) -> String? {
        switch text?.lowercased().filter({ $0 != " " }) {
        case nil, "identity": return nil
        case "gzip": return "gzip"
        default: throw .badContentType("Only gzip and identity content-encodings are supported")
        }
    }
}
