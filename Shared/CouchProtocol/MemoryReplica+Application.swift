package import JSON

// What an application does with its local database.
extension MemoryReplica {
    /// The document as JSON with its special members; nil when there is none, or it is deleted.
    package func document(_ id: DocumentID) -> JSONValue? {
        guard let record = records[id], let winner = record.tree.winner, !winner.isDeleted else { return nil }
        return json(id, winner.id, in: record)
    }

    /// One revision of a document as JSON with its special members; nil when it is not here.
    package func document(_ id: DocumentID, revision: RevisionID) -> JSONValue? {
        records[id].flatMap { json(id, revision, in: $0) }
    }

    /// The revision that is the document; nil when there is none, or it is deleted.
    package func revision(of id: DocumentID) -> RevisionID? {
        records[id]?.tree.winner.flatMap { $0.isDeleted ? nil : $0.id }
    }

    /// Writes a document: its special members are as CouchDB has them, `_rev` names the revision that it follows.
    ///
    /// - Returns: The new revision.
    @discardableResult
    package func put(_ id: DocumentID, _ document: JSONObject) throws -> RevisionID {
        var document = document
        document["_id"] = .string(id.text)
        let incoming = try IncomingDocument(parsing: JSONValue.object(document).bytes, rules: rules)
        return try edit(id, incoming)
    }

    /// Deletes a document.
    ///
    /// - Parameters:
    ///   - id: The document.
    ///   - revision: The revision that is deleted.
    /// - Returns: The revision that says so.
    @discardableResult
    package func delete(_ id: DocumentID, revision: RevisionID) throws -> RevisionID {
        var incoming = IncomingDocument()
        incoming.revision = RevisionPath(revision)
        incoming.isDeleted = true
        // The tombstone belongs to whom the document belonged to.
        incoming.owner = records[id]?.revisions[revision]?.owner
        incoming.groups = records[id]?.revisions[revision]?.groups
        return try edit(id, incoming)
    }

    /// The documents that are not deleted and that the condition holds for, by id.
    package func documents(where isWanted: (JSONValue) -> Bool = { _ in true }) -> [JSONValue] {
        records.keys.sorted().compactMap { document($0) }.filter(isWanted)
    }

    /// The losing revisions of a document that are not deleted.
    package func conflicts(of id: DocumentID) -> [RevisionID] {
        records[id]?.tree.conflicts ?? []
    }

    /// The content of an attachment of a document; nil when there is none of that name.
    package func attachment(_ name: String, of id: DocumentID) -> [UInt8]? {
        guard let record = records[id], let winner = record.tree.winner, !winner.isDeleted else { return nil }
        return record.revisions[winner.id]?.attachments.first { $0.name == name }?.content
    }

    /// Forgets the bodies of all revisions that later ones have replaced.
    package func compact() {
        for id in records.keys {
            for revision in records[id]?.tree.forgetAncestorBodies() ?? [] { records[id]?.revisions[revision] = nil }
        }
    }

    /// All leaves of all documents, for comparing replicas.
    package func leaves() -> [DocumentID: [RevisionID]] {
        records.mapValues { $0.tree.leaves.map(\.id) }
    }

    private func json(_ id: DocumentID, _ revision: RevisionID, in record: Record) -> JSONValue? {
        guard let node = record.tree[revision], let kept = record.revisions[revision] else { return nil }
        var document = OutgoingDocument(id: id, revision: revision, body: kept.body)
        document.isDeleted = node.isDeleted
        document.owner = kept.owner
        document.groups = kept.groups
        document.attachments = kept.attachments.map { attachment in
            var stub = attachment
            stub.content = nil
            return stub.outgoing
        }
        var bytes: [UInt8] = []
        document.write(to: &bytes, rules: rules)
        return try? JSONValue(parsing: bytes)
    }

    private func edit(_ id: DocumentID, _ incoming: IncomingDocument) throws(CouchError) -> RevisionID {
        guard !id.isLocal else { throw .badRequest("Local documents are written as such.") }
        var record = records[id] ?? Record()
        let parent = try parent(of: incoming, in: record)
        let path = parent.flatMap { record.tree.path(to: $0) }
        let attachments = try attachments(of: incoming, id: id, parent: parent, in: record)
        let digest = RevisionDigest(
            isDeleted: incoming.isDeleted,
            parent: parent,
            owner: incoming.owner,
            groups: incoming.groups ?? [],
            attachments: attachments.map { ($0.name, $0.contentType, $0.digest) },
            body: incoming.body
        )
        let revision = digest.revision
        guard record.revisions[revision] == nil else { return revision }
        try record.tree.merge(
            path?.appending(revision.hash) ?? RevisionPath(revision),
            status: incoming.isDeleted ? .deleted : .available,
            branchLimit: branchLimit
        )
        record.revisions[revision] = Revision(
            owner: incoming.owner,
            groups: incoming.groups ?? [],
            attachments: attachments,
            body: incoming.body
        )
        stem(&record)
        noteChange(of: id, in: record)
        return revision
    }

    /// The revision that an edit follows: a leaf that it names, or the tombstone of a document that it brings back.
    private func parent(of incoming: IncomingDocument, in record: Record) throws(CouchError) -> RevisionID? {
        if let named = incoming.revision?.revision {
            guard record.tree.isLeaf(named) else { throw .conflict }
            return named
        }
        guard let winner = record.tree.winner else { return nil }
        guard winner.isDeleted, !incoming.isDeleted else { throw .conflict }
        return winner.id
    }

    private func attachments(
        of incoming: IncomingDocument,
        id: DocumentID,
        parent: RevisionID?,
        in record: Record
    ) throws(CouchError) -> [ReplicatedAttachment] {
        let before = parent.flatMap { record.revisions[$0]?.attachments } ?? []
        var result: [ReplicatedAttachment] = []
        for attachment in incoming.attachments ?? [] {
            switch attachment.content {
            case .inline(let content):
                result.append(
                    ReplicatedAttachment(
                        name: attachment.name,
                        contentType: attachment.contentType,
                        revisionPosition: (parent?.generation ?? 0) + 1,
                        content: content
                    )
                )
            case .stub:
                guard let kept = before.first(where: { $0.name == attachment.name }) else {
                    throw .missingStub("Invalid attachment stub in \(id) for \(attachment.name)")
                }
                result.append(kept)
            case .follows: throw .badRequest("An attachment that follows needs a multipart body.")
            }
        }
        return result
    }
}
