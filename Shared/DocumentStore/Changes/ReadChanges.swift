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
            stretch = try await wholeChanges(in: database, since: position, limit: limit, allLeaves: allLeaves)
        } else {
            let reader = FeedReader(store: self, database: database, limit: limit, allLeaves: allLeaves)
            stretch = try await reader.read(since: position, for: caller)
        }
        if let stretch { return stretch }
        guard !position.isBare else { return StoredChanges(changes: [], end: position, hasMore: false) }
        return try await changes(in: database, since: .beginning, limit: limit, allLeaves: allLeaves, for: caller)
    }

    /// The query of a database's present end.
    static func endQuery(of database: Database) -> PostgresQuery {
        "SELECT seq FROM counters WHERE database = \(database.id)"
    }

    /// The changes of the whole database, for those who may read all.
    ///
    /// - Returns: Nil when the place is beyond the database's end.
    private func wholeChanges(
        in database: Database,
        since position: FeedPosition,
        limit: Int,
        allLeaves: Bool
    ) async throws -> StoredChanges? {
        // The end is read before the changes: whatever commits in between is in the changes, or behind the end.
        let answers = try await client.withConnection {
            try await $0.pipeline([
                Self.endQuery(of: database),
                """
                SELECT seq, id, rev, deleted, CASE WHEN leaves > 1 THEN tree END
                FROM documents WHERE database = \(database.id) AND seq > \(Int64(position.number)) AND seq > 0
                ORDER BY seq LIMIT \(Int64(limit))
                """,
            ])
        }
        guard let end = answers[0].first else { throw CouchError.noDatabase }
        let present = Int(try end.decode(Int64.self, at: 0))
        guard position.number <= present else { return nil }
        let changes = try answers[1].map { try Self.change($0, allLeaves: allLeaves) }
        let hasMore = changes.count == limit
        let last = changes.last?.position.number ?? position.number
        return StoredChanges(
            changes: changes,
            end: FeedPosition(hasMore ? last : max(present, last)),
            hasMore: hasMore
        )
    }

    /// The change of a row of number, id, winner, whether that is a tombstone, and the tree where there are more
    /// leaves.
    static func change(_ row: PostgresRow, allLeaves: Bool) throws -> StoredChange {
        var revisions = [try row.revision(at: 2)]
        if allLeaves, let tree = try row.bytes(4) {
            revisions = try RevisionTree<Tags>(decoding: tree).leaves.map(\.id)
        }
        return StoredChange(
            position: FeedPosition(Int(try row.decode(Int64.self, at: 0))),
            id: DocumentID(stored: try row.decode(String.self, at: 1)),
            revisions: revisions,
            isDeleted: try row.decode(Bool.self, at: 3)
        )
    }
}
