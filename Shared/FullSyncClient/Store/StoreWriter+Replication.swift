import CouchProtocol
import JSON

extension StoreWriter {
    /// Takes over a revision that was made elsewhere; nothing when it is known already.
    mutating func take(_ incoming: ReplicatedDocument) throws {
        var document = try reader.document(incoming.id) ?? StoredDocument()
        let revision = incoming.path.revision
        guard !document.tree.contains(revision) else { return }
        let before = document.tree.nodes.compactMap { $0.payload }
        // The ancestors of the revision that are leaves now are not any more when it has been merged.
        let attachments = try attachments(of: incoming, in: document)
        try document.tree.merge(
            incoming.path,
            status: incoming.isDeleted ? .deleted : .available,
            branchLimit: limits.branches
        )
        let stored = try attachments.map { try store($0) }
        let body = StoredBody(
            owner: incoming.owner,
            groups: incoming.groups,
            body: incoming.body,
            attachments: stored
        )
        document.tree.setPayload(try insert(body), of: revision)
        if incoming.isDeleted, Revocation.isOurs(incoming.path) {
            try keepEditsAside(incoming.id, &document, revoked: incoming.path)
        }
        try save(incoming.id, document, before: before)
    }

    /// An attachment whose content is in the database, or has just come.
    private enum Found {
        case stored(StoredAttachment)
        case new(ReplicatedAttachment, [UInt8])
    }

    /// The attachments, those that came as stubs found in the revisions that are here.
    private func attachments(of incoming: ReplicatedDocument, in document: StoredDocument) throws -> [Found] {
        guard !incoming.attachments.isEmpty else { return [] }
        var present: [StoredAttachment]?
        return try incoming.attachments.map { attachment in
            if let content = attachment.content { return .new(attachment, content) }
            let candidates = try present ?? attachments(around: incoming.path, in: document)
            present = candidates
            // A server that keeps an attachment compressed gives the digest of that; then its place tells.
            let original = candidates.first {
                $0.isNamed(attachment.name)
                    && ($0.digest == attachment.digest || $0.revisionPosition == attachment.revisionPosition)
            }
            guard var original else {
                throw CouchError.missingStub("Invalid attachment stub in \(incoming.id) for \(attachment.name)")
            }
            original.contentType = attachment.contentType
            original.revisionPosition = attachment.revisionPosition
            return .stored(original)
        }
    }

    /// The attachments of the leaves, those on the path first.
    private func attachments(around path: RevisionPath, in document: StoredDocument) throws -> [StoredAttachment] {
        let onPath = Set(path.revisions)
        let leaves = document.tree.leaves
        let ordered = leaves.filter { onPath.contains($0.id) } + leaves.filter { !onPath.contains($0.id) }
        return try ordered.compactMap { $0.payload }.flatMap { try reader.body($0).attachments }
    }

    private func store(_ found: Found) throws -> StoredAttachment {
        switch found {
        case .stored(let attachment): return attachment
        case .new(let attachment, let content):
            return StoredAttachment(
                name: attachment.name,
                contentType: attachment.contentType,
                revisionPosition: attachment.revisionPosition,
                digest: attachment.digest,
                length: content.count,
                content: try insert(content: content)
            )
        }
    }

    /// Takes the edits that followed a revision which is not the user's any more out of the document, and keeps them
    /// where the application finds them.
    ///
    /// - Parameter revoked: The tombstone and its ancestors: the second is the revision that was lost.
    private func keepEditsAside(
        _ id: DocumentID,
        _ document: inout StoredDocument,
        revoked: RevisionPath
    ) throws {
        guard let lost = revoked.parent else { return }
        let tombstone = revoked.revision
        for leaf in document.tree.leaves where !leaf.isDeleted && leaf.id != tombstone {
            guard let path = document.tree.path(to: leaf.id), path.revisions.contains(lost),
                let edit = try reader.replicated(id, leaf, path: path)
            else { continue }
            var bytes: [UInt8] = []
            edit.write(to: &bytes, rules: limits.rules)
            try keepAside(id, leaf.id, bytes)
            _ = document.tree.purge([leaf.id])
        }
        try forgetRefusals(of: id)
        // What the server has told is nothing to push.
        if document.tree.leaves.map({ $0.id }) == [tombstone] { document.isLocal = false }
    }
}
