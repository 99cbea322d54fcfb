package import CouchProtocol
import Postgres

extension DocumentStore {
    /// The revisions asked for that the caller may read and that are kept, by request.
    ///
    /// Where no revision is named it is the document as the caller sees it: the winner of the leaves that the caller may
    /// read. A revision that may not be read is absent, exactly as one that does not exist. It takes one query, and some
    /// more for what is not found by it.
    package func fetch(
        _ requests: [RevisionRequest],
        from database: Database,
        for caller: Caller
    ) async throws
        -> [RevisionRequest: StoredRevision]
    {
        guard !requests.isEmpty else { return [:] }
        let found = try await fetchPlain(requests, from: database, for: caller)
        let others = requests.filter { found[$0] == nil }
        guard caller.feeds != nil, !others.isEmpty else { return found }
        return found.merging(try await fetchViewed(others, from: database, for: caller)) { plain, _ in plain }
    }

    /// The document as the caller sees it: the winner of the leaves that the caller may read.
    ///
    /// - Returns: Nil when there is none; a tombstone when it is deleted.
    package func document(_ id: DocumentID, in database: Database, for caller: Caller) async throws -> StoredRevision? {
        let request = RevisionRequest(id: id)
        return try await fetch([request], from: database, for: caller)[request]
    }

    /// The revisions that the caller sees as they are stored.
    ///
    /// Left out is what must be looked at more closely: documents of which the caller lost something, and those whose
    /// winner is hidden from the caller.
    func fetchPlain(
        _ requests: [RevisionRequest],
        from database: Database,
        for caller: Caller
    ) async throws -> [RevisionRequest: StoredRevision] {
        let rows = try await client.query(
            """
            SELECT \(unescaped: Self.revisionColumns), asked.place
            FROM unnest(\(requests.map(\.id.text)), \(requests.map { $0.revision?.description }))
                WITH ORDINALITY AS asked (id, rev, place)
            CROSS JOIN LATERAL (
                SELECT * FROM documents WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
            ) AS documents
            \(unescaped: Self.body(of: "coalesce(asked.rev, documents.rev)"))
            WHERE \(fragment: Self.ownLosses(of: caller, in: database, "documents.number")) IS NULL
            """
        )
        let rules = AccessRules(database.settings)
        var found: [RevisionRequest: StoredRevision] = [:]
        for row in rows {
            let request = requests[Int(try row.decode(Int64.self, at: 11)) - 1]
            found[request] = try Self.revision(row, for: caller, rules)
        }
        return found
    }
}
