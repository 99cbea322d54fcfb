import CouchProtocol
import GRDB
import JSON

/// A content that was here when those that were lacking were taken in, and is here no more.
struct ReplacedAttachment: Error {}

extension StoreWriter {
    /// Takes over a revision that was made elsewhere.
    ///
    /// - Returns: Whether there was something to take: not when the revision is known already.
    @discardableResult
    mutating func take(_ incoming: ReplicatedDocument) throws -> Bool {
        var document = try reader.document(incoming.id) ?? StoredDocument()
        let revision = incoming.path.revision
        guard !document.tree.contains(revision) else { return false }
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
        try save(incoming.id, document, before: before)
        return true
    }

    /// An attachment whose content is in the database, or has just come.
    private enum Found {
        case stored(StoredAttachment)
        case new(ReplicatedAttachment, [UInt8])
        case arrived(ReplicatedAttachment, Arrival)
    }

    /// The attachments, those that came as stubs found in the revisions that are here.
    private func attachments(of incoming: ReplicatedDocument, in document: StoredDocument) throws -> [Found] {
        guard !incoming.attachments.isEmpty else { return [] }
        var present: [OriginalAttachment]?
        return try incoming.attachments.map { attachment in
            if let content = attachment.content { return .new(attachment, content) }
            if let arrival = attachment.source.flatMap({ arrivals[$0] }) { return .arrived(attachment, arrival) }
            let candidates = try present ?? reader.originals(around: incoming.path, in: document)
            present = candidates
            guard var original = candidates.first(where: { $0.isOriginal(of: attachment) })?.attachment else {
                guard attachment.isStub else { throw ReplacedAttachment() }
                throw CouchError.missingStub("Invalid attachment stub in \(incoming.id) for \(attachment.name)")
            }
            original.contentType = attachment.contentType
            original.revisionPosition = attachment.revisionPosition
            return .stored(original)
        }
    }

    private func store(_ found: Found) throws -> StoredAttachment {
        switch found {
        case .stored(let attachment): return attachment
        case .arrived(let attachment, let arrival):
            let number = try adopt(arrival)
            return StoredAttachment(attachment, digest: arrival.digest, length: arrival.length, content: number)
        case .new(let attachment, let content):
            let number = try insert(content: content)
            return StoredAttachment(attachment, digest: attachment.digest, length: content.count, content: number)
        }
    }

    // MARK: - What is not the user's any more

    /// Does away with what the device still has of documents that these revisions say are not the user's any more.
    ///
    /// It is done when all of them have been taken just now: the other branches of a document are lost or followed
    /// among them, too, and what is left then are edits.
    mutating func finishRevocations(_ documents: [ReplicatedDocument]) throws {
        let revoked = documents.filter { $0.isDeleted && Revocation.isOurs($0.path) }
        for document in revoked {
            try keepEditsAside(document.id, revoked: document.path, leaves: document.sourceLeaves)
        }
        try removeRows(of: Set(revoked.map(\.id)))
    }

    /// Takes the edits that the server does not have out of a document that is not the user's any more, and keeps them
    /// where the application finds them.
    ///
    /// Those are all branches of the device's own which share an ancestor with the lost revision: an edit can follow an
    /// older revision than the one that was lost.
    ///
    /// - Parameters:
    ///   - revoked: The tombstone and its ancestors: the second is the revision that was lost.
    ///   - leaves: The leaves that the user may still read on the server; nil when nobody said, and then only what
    ///     followed the lost revision is surely not there.
    private mutating func keepEditsAside(_ id: DocumentID, revoked: RevisionPath, leaves: [RevisionID]?) throws {
        let tombstone = revoked.revision
        // Of a document that was never edited here all branches are the server's, which tells what becomes of each.
        guard let lost = revoked.parent, var document = try reader.document(id), document.isLocal,
            document.tree.isLeaf(tombstone)
        else { return }
        var before = document.tree.nodes.compactMap { $0.payload }
        let ancestors = leaves == nil ? [lost] : Set(revoked.revisions)
        for leaf in document.tree.leaves where !leaf.isDeleted && leaf.id != tombstone {
            guard let path = document.tree.path(to: leaf.id), path.revisions.contains(where: ancestors.contains),
                // What follows a branch that is still the user's is to be pushed, and what the server says is lost by
                // itself has been there.
                !path.revisions.contains(where: { leaves?.contains($0) ?? false }),
                leaves?.contains(Revocation.tombstone(of: leaf.id)) != true,
                let body = leaf.payload,
                let edit = try reader.replicated(id, leaf, path: path, known: .max)
            else { continue }
            if let kept = try keepAside(edit, body) { before.removeAll { $0 == kept } }
            _ = document.tree.purge([leaf.id])
            try forgetRefusal(of: id, leaf.id)
        }
        // What the server has told is nothing to push.
        document.isLocal = !document.tree.leaves.allSatisfy { leaf in
            document.tree.path(to: leaf.id).map(Revocation.isOurs) ?? false
        }
        try save(id, document, before: before)
    }

    /// Takes what the views have of documents away at once: an index is brought up to date when somebody asks for that.
    func removeRows(of ids: Set<DocumentID>) throws {
        guard !ids.isEmpty else { return }
        for view in try Int64.fetchAll(db, sql: "SELECT number FROM views") {
            var writer = try ViewRowsWriter(view, in: db)
            for id in ids { try writer.remove(id.text) }
            try writer.finish(at: sequence)
        }
        // What was read for an index before this is not written to it any more; it is read again.
        try db.execute(sql: "UPDATE view_indexes SET sequence = sequence - 1")
    }
}
