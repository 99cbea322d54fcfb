package import CouchProtocol
import Postgres

extension DocumentStore {
    /// The revisions asked for that the caller may read and that are kept, by request, in a single query.
    ///
    /// Where no revision is named it is the document as the caller sees it: the winner of the leaves that the caller
    /// may
    /// read (which takes a second query when that is not the winner of all). A revision that may not be read is absent,
    /// exactly as one that does not exist.
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
            CROSS JOIN LATERAL (
                SELECT * FROM documents WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
            ) AS documents
            \(unescaped: Self.body(of: "coalesce(asked.rev, documents.rev)"))
            """
        )
        let rules = AccessRules(database.settings)
        var found: [RevisionRequest: StoredRevision] = [:]
        var instead: [RevisionRequest: RevisionRequest] = [:]
        for row in rows {
            let request = requests[Int(try row.decode(Int64.self, at: 11)) - 1]
            if let revision = try Self.revision(row, for: caller, rules) {
                found[request] = revision
            } else if request.revision == nil {
                instead[request] = try Self.visibleWinner(row, for: caller, rules)
            }
        }
        guard !instead.isEmpty else { return found }
        let visible = try await fetch(Array(instead.values), from: database, for: caller)
        for (request, other) in instead { found[request] = visible[other] }
        return found
    }

    /// The first leaf that the caller may read of a document whose winner the caller may not read.
    private static func visibleWinner(
        _ row: PostgresRow,
        for caller: Caller,
        _ rules: AccessRules
    ) throws
        -> RevisionRequest?
    {
        guard try row.decode(Int16.self, at: 6) > 1 else { return nil }
        let tree = try RevisionTree<Tags>(decoding: try row.decode([UInt8].self, at: 7))
        guard let leaf = tree.leaves.first(where: { rules.mayRead($0.payload ?? .none, caller) }) else { return nil }
        return RevisionRequest(id: DocumentID(stored: try row.decode(String.self, at: 0)), revision: leaf.id)
    }

    /// The document as the caller sees it: the winner of the leaves that the caller may read.
    ///
    /// - Returns: Nil when there is none; a tombstone when it is deleted.
    package func document(_ id: DocumentID, in database: Database, for caller: Caller) async throws -> StoredRevision? {
        let request = RevisionRequest(id: id)
        return try await fetch([request], from: database, for: caller)[request]
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
}
