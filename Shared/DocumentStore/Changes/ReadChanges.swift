import CouchProtocol
import Postgres

extension DocumentStore {
    /// The next stretch of the caller's feed behind `since`, in the order of the commits.
    ///
    /// It costs what it answers: administrators' feeds are read from the index of all changes, users' are merged from
    /// the indexes of the feeds they are in. A user's rights are those of the moment, whatever groups the caller says:
    /// what the user gained since that place is among the changes, and what the user lost, as tombstones.
    ///
    /// A place that is beyond the database's present end was given out before the database was put back to an earlier
    /// state: then the feed begins anew.
    ///
    /// - Parameters:
    ///   - since: The place behind which to read.
    ///   - limit: How many changes to answer at most.
    ///   - allLeaves: Whether every leaf is named (`style=all_docs`) or the winner alone.
    package func changes(
        in database: Database,
        since position: FeedPosition,
        limit: Int,
        allLeaves: Bool,
        for caller: Caller
    ) async throws -> StoredChanges {
        let stretch: StoredChanges?
        if caller.feeds == nil {
            stretch = try await changes(
                from: "documents WHERE database = \(database.id) AND seq > 0",
                in: database,
                since: position,
                limit: limit,
                allLeaves: allLeaves
            )
        } else {
            let reader = FeedReader(store: self, database: database, limit: limit, allLeaves: allLeaves)
            stretch = try await reader.read(since: position, for: caller)
        }
        if let stretch { return stretch }
        return try await changes(in: database, since: .beginningAnew, limit: limit, allLeaves: allLeaves, for: caller)
    }

    /// The query of a database's present end.
    static func endQuery(of database: Database) -> PostgresQuery {
        "SELECT seq FROM counters WHERE database = \(database.id)"
    }

    /// The changes from that source (`FROM … WHERE …`) behind a place, for those who may read all.
    ///
    /// - Returns: Nil when the place is beyond the database's end.
    func changes(
        from source: PostgresQuery,
        in database: Database,
        since position: FeedPosition,
        limit: Int,
        allLeaves: Bool
    ) async throws -> StoredChanges? {
        // The end is read before the changes: whatever commits in between is in the changes, or behind the end.
        let answers = try await client.withConnection {
            try await $0.pipeline([
                Self.endQuery(of: database),
                Self.changesQuery(
                    from: "\(fragment: source) AND seq > \(Int64(position.number))",
                    limit: limit,
                    allLeaves: allLeaves
                ),
            ])
        }
        guard let end = answers[0].first else { throw CouchError.noDatabase }
        let present = Int(try end.decode(Int64.self, at: 0))
        guard position.number <= present else { return nil }
        let (changes, hasMore) = try Self.changes(answers[1], limit: limit)
        let last = changes.last?.position.number ?? position.number
        return StoredChanges(
            changes: changes,
            end: FeedPosition(hasMore ? last : max(present, last)),
            hasMore: hasMore
        )
    }

    /// The changes from that source (`FROM … WHERE …`), in order, as ``changes(_:limit:)`` reads them.
    ///
    /// Histories are read for their leaves alone, and as many as may be in memory.
    static func changesQuery(from source: PostgresQuery, limit: Int, allLeaves: Bool) -> PostgresQuery {
        let columns = "documents.seq, documents.id, documents.rev, documents.deleted"
        guard allLeaves else {
            return """
                SELECT \(unescaped: columns), NULL::bytea
                FROM \(fragment: source) ORDER BY seq LIMIT \(Int64(limit))
                """
        }
        return """
            SELECT seq, id, rev, deleted, tree
            FROM (
                SELECT *, sum(octet_length(tree)) OVER (
                    ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS before
                FROM (
                    SELECT \(unescaped: columns), CASE WHEN leaves > 1 THEN tree END AS tree
                    FROM \(fragment: source) ORDER BY seq LIMIT \(Int64(limit))
                ) AS page
            ) AS page
            WHERE coalesce(before, 0) < \(PageMemory.histories) ORDER BY seq
            """
    }

    /// The changes of the rows of ``changesQuery(from:limit:allLeaves:)``, and whether there may be more.
    static func changes(_ rows: PostgresRows, limit: Int) throws -> (changes: [StoredChange], hasMore: Bool) {
        var histories = 0
        let changes = try rows.map { row in
            var revisions = [try row.revision(at: 2)]
            if let tree = try row.bytes(4) {
                histories += tree.count
                revisions = try RevisionTree<Tags>(decoding: tree).leaves.map(\.id)
            }
            return StoredChange(
                position: FeedPosition(Int(try row.decode(Int64.self, at: 0))),
                id: DocumentID(stored: try row.decode(String.self, at: 1)),
                revisions: revisions,
                isDeleted: try row.decode(Bool.self, at: 3)
            )
        }
        return (changes, changes.count == limit || histories >= PageMemory.histories)
    }
}
