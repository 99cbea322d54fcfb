package import Crypto

/// The hash of a new revision: MD5 over all that the edit says, as in CouchDB, so that the same edit of the same
/// revision gives the same revision wherever it is made.
///
/// (The hash is a name and no proof; nothing trusts it. The body counts as compact text in the order in which it was
/// written, as CouchDB's does, so it is not decoded for this.)
package struct RevisionDigest: Sendable {
    /// Whether the edit deletes the document.
    package var isDeleted: Bool
    /// The revision that the edit follows.
    package var parent: RevisionID?
    package var owner: String?
    package var groups: [String]
    /// The attachments of the revision, by name: their types and digests.
    package var attachments: [(name: String, contentType: String, digest: String)]
    /// The body as ``IncomingDocument/body`` has it.
    package var body: [UInt8]

    /// What an edit without tags and attachments says.
    package init(
        isDeleted: Bool,
        parent: RevisionID?,
        owner: String? = nil,
        groups: [String] = [],
        attachments: [(name: String, contentType: String, digest: String)] = [],
        body: [UInt8]
    ) {
        self.isDeleted = isDeleted
        self.parent = parent
        self.owner = owner
        self.groups = groups
        self.attachments = attachments
        self.body = body
    }

    /// The revision that the edit makes.
    package var revision: RevisionID {
        RevisionID(generation: (parent?.generation ?? 0) + 1, hash: hash)
    }

    private var hash: RevisionHash {
        // Each part stands behind its length, so that no two edits are the same bytes.
        var head: [UInt8] = [isDeleted ? 1 : 0, owner == nil ? 0 : 1]
        head.append(text: parent?.description ?? "0")
        head.append(text: owner ?? "")
        head.append(integer: groups.count)
        for group in groups.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) { head.append(text: group) }
        head.append(integer: attachments.count)
        for attachment in attachments.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            head.append(text: attachment.name)
            head.append(text: attachment.contentType)
            head.append(text: attachment.digest)
        }
        var md5 = Insecure.MD5()
        md5.update(data: head)
        md5.update(data: body)
        return RevisionHash(digest: md5.finalize())
    }
}

/// The digest of an attachment's content as CouchDB writes it: `md5-` and Base64.
package enum AttachmentDigest {
    /// The digest of content that is in memory.
    package static func of(_ content: [UInt8]) -> String {
        of(Insecure.MD5.hash(data: content))
    }

    /// The digest of content that was hashed on its way.
    package static func of(_ hash: Insecure.MD5Digest) -> String {
        "md5-" + Base64.encode(Array(hash))
    }
}
