import CouchProtocol
import Foundation
import GRDB
import JSON

extension StoreWriter {
    /// Makes the next revision of a document.
    ///
    /// - Parameters:
    ///   - id: The document.
    ///   - incoming: What it is to be; its `_rev` names the leaf that it follows. Without one it is a new document, or
    ///     follows the tombstone of one.
    ///   - isLocal: Whether a push brings it to the server.
    ///   - attached: Attachments whose contents are stored already, in the place of others with their names.
    /// - Returns: The new revision; the present one when the same edit was made before.
    mutating func edit(
        _ id: DocumentID,
        _ incoming: IncomingDocument,
        isLocal: Bool = true,
        attaching attached: [StoredAttachment] = []
    ) throws -> RevisionID {
        guard !id.isLocal else { throw CouchError.badRequest("Local documents are written as such.") }
        var document = try reader.document(id) ?? StoredDocument()
        let parent = try Self.parent(of: incoming, in: document)
        let path = parent.flatMap { document.tree.path(to: $0) }
        let before = document.tree.nodes.compactMap { $0.payload }
        var attachments = try attachments(of: incoming, id: id, parent: parent, in: document)
        attachments.removeAll { known in attached.contains { $0.isNamed(known.name) } }
        attachments += attached.map { new in
            var new = new
            new.revisionPosition = (parent?.generation ?? 0) + 1
            return new
        }
        let digest = RevisionDigest(
            isDeleted: incoming.isDeleted,
            parent: parent,
            owner: incoming.owner,
            groups: incoming.groups ?? [],
            attachments: attachments.map { ($0.name, $0.contentType, $0.digest) },
            body: incoming.body
        )
        let revision = digest.revision
        guard !document.tree.contains(revision) else { return revision }
        guard revision.generation <= RevisionID.greatestWrittenGeneration else { throw CouchError.generationTooGreat }
        try document.tree.merge(
            path?.appending(revision.hash) ?? RevisionPath(revision),
            status: incoming.isDeleted ? .deleted : .available,
            branchLimit: limits.branches
        )
        let body = StoredBody(
            owner: incoming.owner,
            groups: incoming.groups ?? [],
            body: incoming.body,
            attachments: attachments
        )
        document.tree.setPayload(try insert(body), of: revision)
        if isLocal { document.isLocal = true }
        try save(id, document, before: before)
        try forgetRefusals(of: id)
        return revision
    }

    /// The revision that an edit follows: a leaf that it names, or the tombstone of a document that it brings back.
    private static func parent(of incoming: IncomingDocument, in document: StoredDocument) throws -> RevisionID? {
        if let named = incoming.revision?.revision {
            guard document.tree.isLeaf(named) else { throw CouchError.conflict }
            return named
        }
        guard let winner = document.tree.winner else { return nil }
        guard winner.isDeleted, !incoming.isDeleted else { throw CouchError.conflict }
        return winner.id
    }

    private func attachments(
        of incoming: IncomingDocument,
        id: DocumentID,
        parent: RevisionID?,
        in document: StoredDocument
    ) throws -> [StoredAttachment] {
        guard let described = incoming.attachments, !described.isEmpty else { return [] }
        let number = parent.flatMap { document.tree[$0]?.payload }
        let before = try number.map { try reader.body($0).attachments } ?? []
        return try described.map { attachment in
            switch attachment.content {
            case .inline(let content):
                return StoredAttachment(
                    name: attachment.name,
                    contentType: attachment.contentType,
                    revisionPosition: (parent?.generation ?? 0) + 1,
                    digest: AttachmentDigest.of(content),
                    length: content.count,
                    content: try insert(content: content)
                )
            case .stub:
                guard let kept = before.first(where: { $0.isNamed(attachment.name) }) else {
                    throw CouchError.missingStub("Invalid attachment stub in \(id) for \(attachment.name)")
                }
                return kept
            case .follows: throw CouchError.badRequest("An attachment that follows needs a multipart body.")
            }
        }
    }
}

// MARK: - What the server did not take

extension StoreWriter {
    /// Notes that the server refused an edit.
    ///
    /// - Returns: Whether it was noted: not when the document was edited again, or left the device, since it was sent.
    func refuse(_ edit: FullSyncDatabase.RefusedEdit) throws -> Bool {
        let revision = try RevisionID(parsing: edit.revision)
        guard try reader.document(DocumentID(stored: edit.id))?.tree.isLeaf(revision) == true else { return false }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO refusals (id, revision, error, reason) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET error = excluded.error, reason = excluded.reason
                """
        )
        try statement.execute(arguments: [edit.id, edit.revision, edit.error, edit.reason])
        return true
    }

    /// Forgets that the server refused edits of a document, because there is a newer one.
    func forgetRefusals(of id: DocumentID) throws {
        try db.cachedStatement(sql: "DELETE FROM refusals WHERE id = ?").execute(arguments: [id.text])
    }

    /// Forgets that the server refused one edit: it is not the document any more, or the server has it.
    mutating func forgetRefusal(of id: DocumentID, _ revision: RevisionID) throws {
        try db.cachedStatement(sql: "DELETE FROM refusals WHERE id = ? AND revision = ?")
            .execute(arguments: [id.text, revision.description])
        guard db.changesCount > 0, try !reader.hasRefusal(of: id) else { return }
        // A conflict with a refused edit is left alone; now it is one as any other, though no document has changed.
        let conflicts = try db.cachedStatement(sql: "SELECT conflicts > 0 FROM documents WHERE id = ?")
        if try Bool.fetchOne(conflicts, arguments: [id.text]) == true, !news.conflicts.contains(id) {
            news.conflicts.append(id)
        }
    }

    /// Keeps an edit of a document that leaves the device.
    ///
    /// Its attachments stay where they are, in the body of the revision, which no document names from then on.
    ///
    /// - Returns: The body when it has to stay, as it has attachments.
    mutating func keepAside(_ edit: ReplicatedDocument, _ body: BodyNumber) throws -> BodyNumber? {
        news.kept.append(edit.id)
        let kept = edit.attachments.isEmpty ? nil : body
        if kept != nil {
            // What else it says is in the edit's own row.
            let statement = try db.cachedStatement(
                sql: "UPDATE bodies SET body = ?, owner = NULL, group_names = NULL WHERE number = ?"
            )
            try statement.execute(arguments: [try limits.vault.sealed(StoredBody.nothing), body.value])
        }
        let statement = try db.cachedStatement(
            sql: "INSERT INTO kept_edits (id, revision, document, body) VALUES (?, ?, ?, ?)"
        )
        try statement.execute(arguments: [
            edit.id.text, edit.path.revision.description,
            try limits.vault.sealed(edit.described(limits.rules)), kept?.value,
        ])
        return kept
    }

    /// Forgets an edit that was kept, with its attachments.
    func forgetKeptEdit(_ number: Int) throws {
        let body = try db.cachedStatement(sql: "SELECT body FROM kept_edits WHERE number = ?")
        if let body = try Int64.fetchOne(body, arguments: [number]) { try remove(BodyNumber(body)) }
        try db.cachedStatement(sql: "DELETE FROM kept_edits WHERE number = ?").execute(arguments: [number])
    }
}

extension ReplicatedDocument {
    /// The document as JSON, with its ancestry, and with its attachments described.
    func described(_ rules: DocumentRules = DocumentRules()) -> [UInt8] {
        var outgoing = OutgoingDocument(self)
        for place in outgoing.attachments.indices { outgoing.attachments[place].content = .stub }
        var bytes: [UInt8] = []
        outgoing.write(to: &bytes, rules: rules)
        return bytes
    }
}

extension StoredBody {
    /// The JSON of a body that has attachments alone.
    static let nothing = Array("{}".utf8)

    /// What has the attachments of an edit that is kept aside.
    static func ofKeptEdit(_ attachments: [StoredAttachment]) -> StoredBody {
        StoredBody(owner: nil, groups: [], body: nothing, attachments: attachments)
    }
}
