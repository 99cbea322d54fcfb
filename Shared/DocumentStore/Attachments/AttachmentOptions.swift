package import CouchProtocol
package import JSON

/// Which attachments of documents a client wants to get, and how they are described.
package struct AttachmentOptions: Sendable {
    /// Whether contents are sent at all (`attachments=true`); else a document describes them only.
    package var sendsContents = false
    /// Revisions that the client has: what came with one of them or before is not sent again (`atts_since`).
    package var since: Set<RevisionID> = []
    /// Whether it is said how a content is compressed (`att_encoding_info`).
    package var showsEncoding = false
    /// How many bytes a content has at most that is sent (`attachments_limit`, our own); nil for any number.
    package var contentLimit: Int?

    package init(sendsContents: Bool = false, since: Set<RevisionID> = [], showsEncoding: Bool = false) {
        self.sendsContents = sendsContents
        self.since = since
        self.showsEncoding = showsEncoding
    }

    /// How a content that is sent reaches the client.
    package enum Form {
        /// In Base64 within the document.
        case inline
        /// As a part of its own, as it is kept.
        case part
    }

    /// The attachments of a revision as its document shows them; with `since`, its history must be at hand.
    package func outgoing(_ revision: StoredRevision, as form: Form) -> [OutgoingAttachment] {
        guard !revision.attachments.isEmpty else { return [] }
        let path = since.isEmpty ? nil : revision.tree?.path(to: revision.revision)
        let known = path?.newest(of: since)?.generation ?? 0
        return revision.attachments.map { attachment in
            var outgoing = attachment.outgoing(showsEncoding: showsEncoding || sendsContents && form == .part)
            let isWanted = contentLimit.map { attachment.length <= $0 } ?? true
            if sendsContents, isWanted, attachment.revisionPosition > known {
                outgoing.content = form == .inline ? .streamed : .follows
            }
            return outgoing
        }
    }
}

extension AttachmentOptions {
    /// Takes the value of `atts_since`, an array of revisions.
    package mutating func take(since value: JSONValue) throws(CouchError) {
        guard let list = value.arrayValue else { throw .badRequest("att_since value must be array of revs.") }
        guard list.count <= Self.sinceLimit else {
            throw .badRequest("atts_since names more than \(Self.sinceLimit) revisions.")
        }
        for entry in list {
            guard let text = entry.stringValue else { throw .invalidRevision }
            since.insert(try RevisionID(parsing: text))
        }
        if !list.isEmpty { sendsContents = true }
    }

    private static let sinceLimit = 10_000
}
