package import CouchProtocol
import Postgres

extension DocumentStore {
    /// The revisions asked for that the caller may read and that are kept, by request, in a single query.
    ///
    /// A revision that may not be read is absent, exactly as one that does not exist.
    package func fetch(
        _ requests: [RevisionRequest],
        from database: Database,
        for caller: Caller
    ) async throws
        -> [RevisionRequest: StoredRevision]
    {
        guard !requests.isEmpty else { return [:] }
        let rows = try await client.query(
            """
            SELECT \(unescaped: Self.revisionColumns), asked.place
            FROM unnest(\(requests.map(\.id.text)), \(requests.map { $0.revision?.description }))
                WITH ORDINALITY AS asked (id, rev, place)
            JOIN documents ON documents.database = \(database.id) AND documents.id = asked.id
            JOIN bodies ON bodies.document = documents.number AND bodies.rev = coalesce(asked.rev, documents.rev)
            """
        )
        let rules = AccessRules(database.settings)
        var found: [RevisionRequest: StoredRevision] = [:]
        for row in rows {
            let place = Int(try row.decode(Int64.self, at: 11))
            found[requests[place - 1]] = try Self.revision(row, for: caller, rules)
        }
        return found
    }

    /// The document as the caller sees it: the winner of the leaves that the caller may read.
    ///
    /// - Returns: Nil when there is none; a tombstone when it is deleted.
    package func document(_ id: DocumentID, in database: Database, for caller: Caller) async throws -> StoredRevision? {
        let request = RevisionRequest(id: id)
        if let winner = try await fetch([request], from: database, for: caller)[request] { return winner }
        // The winner may be hidden while another leaf is not.
        guard caller.feeds != nil, let tree = try await tree(of: id, in: database) else { return nil }
        let rules = AccessRules(database.settings)
        guard let leaf = tree.leaves.first(where: { rules.mayRead($0.payload ?? .none, caller) }) else { return nil }
        let visible = RevisionRequest(id: id, revision: leaf.id)
        return try await fetch([visible], from: database, for: caller)[visible]
    }

    /// The revision trees of these documents, whoever may read them: what `_revs_diff` asks.
    func trees(of ids: [DocumentID], in database: Database) async throws -> [DocumentID: RevisionTree<Tags>] {
        let rows = try await client.query(
            "SELECT id, tree FROM documents WHERE database = \(database.id) AND id = ANY(\(ids.map(\.text)))"
        )
        var trees: [DocumentID: RevisionTree<Tags>] = [:]
        for row in rows {
            let (id, tree) = try row.decode(String.self, [UInt8].self)
            trees[DocumentID(stored: id)] = try RevisionTree(decoding: tree)
        }
        return trees
    }

    private func tree(of id: DocumentID, in database: Database) async throws -> RevisionTree<Tags>? {
        try await trees(of: [id], in: database)[id]
    }
}
