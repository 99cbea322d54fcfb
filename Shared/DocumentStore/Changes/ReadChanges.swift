import CouchProtocol
import Postgres

extension DocumentStore {
    /// The next stretch of the caller's feed behind `since`, in the order of the commits.
    ///
    /// It costs what it answers: administrators' feeds are read from the index of all changes, users' are merged from
    /// the indexes of the feeds they are in.
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
        let since = position.number
        let query = changesQuery(in: database, since: since, limit: limit, for: caller)
        // The end is read before the changes: whatever commits in between is in the changes, or behind the end.
        let end: PostgresQuery = "SELECT seq FROM counters WHERE database = \(database.id)"
        let answers = try await client.withConnection { try await $0.pipeline([end, query]) }
        guard let endRow = answers[0].first else { throw CouchError.noDatabase }
        let present = Int(try endRow.decode(Int64.self, at: 0))
        let rules = AccessRules(database.settings)
        let rows = answers[1]
        let changes = try rows.compactMap { try Self.change($0, allLeaves: allLeaves, for: caller, rules) }
        let hasMore = rows.count == limit
        let lastRead = try rows.last.map { Int(try $0.decode(Int64.self, at: 0)) } ?? since
        return StoredChanges(
            changes: changes,
            end: FeedPosition(hasMore ? lastRead : max(present, lastRead)),
            hasMore: hasMore
        )
    }

    private func changesQuery(
        in database: Database,
        since: Int,
        limit: Int,
        for caller: Caller
    ) -> PostgresQuery {
        guard let feeds = caller.feeds else {
            return """
                SELECT seq, id, rev, deleted, CASE WHEN leaves > 1 THEN tree END
                FROM documents WHERE database = \(database.id) AND seq > \(Int64(since))
                ORDER BY seq LIMIT \(Int64(limit))
                """
        }
        return """
            SELECT merged.seq, documents.id, documents.rev, documents.deleted,
                CASE WHEN documents.leaves > 1 THEN documents.tree END
            FROM (
                SELECT DISTINCT entry.seq, entry.document
                FROM (\(fragment: FeedRegistry.numbers(ofExisting: feeds, in: database))) AS feed CROSS JOIN LATERAL (
                    SELECT seq, document FROM feed_entries
                    WHERE feed_entries.feed = feed.number AND seq > \(Int64(since)) AND present
                    ORDER BY seq LIMIT \(Int64(limit))
                ) AS entry
                ORDER BY seq LIMIT \(Int64(limit))
            ) AS merged
            CROSS JOIN LATERAL (SELECT * FROM documents WHERE documents.number = merged.document LIMIT 1) AS documents
            ORDER BY merged.seq
            """
    }

    private static func change(
        _ row: PostgresRow,
        allLeaves: Bool,
        for caller: Caller,
        _ rules: AccessRules
    ) throws
        -> StoredChange?
    {
        let (seq, id, rev, isDeleted, tree) =
            try row.decode(Int64.self, String.self, String.self, Bool.self, [UInt8]?.self)
        guard let tree else {
            return StoredChange(
                position: FeedPosition(Int(seq)),
                id: DocumentID(stored: id),
                revisions: [try RevisionID(parsing: rev)],
                isDeleted: isDeleted
            )
        }
        let leaves = try RevisionTree<Tags>(decoding: tree).leaves
            .filter { rules.mayRead($0.payload ?? .none, caller) }
        guard let winner = leaves.first else { return nil }
        return StoredChange(
            position: FeedPosition(Int(seq)),
            id: DocumentID(stored: id),
            revisions: allLeaves ? leaves.map(\.id) : [winner.id],
            isDeleted: winner.isDeleted
        )
    }
}
