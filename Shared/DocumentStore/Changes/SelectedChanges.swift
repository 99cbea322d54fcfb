package import CouchProtocol
import Postgres

/// A few documents of which somebody wants the changes.
package enum DocumentSelection: Sendable {
    case ids([DocumentID])
    /// The design documents.
    case design
}

extension DocumentStore {
    /// The changes of a few documents behind a place, in order, found by their ids.
    ///
    /// It costs what they are, and not what the database holds. For those who may read all; who may not has a feed of
    /// its own, which is short.
    ///
    /// - Returns: Nil when the place is beyond the database's present end; what that means the feed of all changes
    ///   knows.
    package func changes(
        of selection: DocumentSelection,
        in database: Database,
        since position: FeedPosition,
        limit: Int,
        allLeaves: Bool
    ) async throws -> StoredChanges? {
        let source: PostgresQuery =
            switch selection {
            case .ids(let ids):
                """
                unnest(\(ids.map(\.text))) AS asked (id) CROSS JOIN LATERAL (
                    SELECT * FROM documents
                    WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
                ) AS documents WHERE true
                """
            case .design:
                "documents WHERE database = \(database.id) AND documents.id >= '_design/' AND documents.id < '_design0'"
            }
        let answers = try await client.withConnection {
            // The end is read before the changes: whatever commits in between is in the changes, or behind the end.
            try await $0.pipeline([
                Self.endQuery(of: database),
                """
                SELECT documents.seq, documents.id, rev, deleted, CASE WHEN leaves > 1 THEN tree END
                FROM \(fragment: source) AND seq > \(Int64(position.number))
                ORDER BY seq LIMIT \(Int64(limit))
                """,
            ])
        }
        guard let end = answers[0].first else { throw CouchError.noDatabase }
        let present = Int(try end.decode(Int64.self, at: 0))
        guard position.number <= present else { return nil }
        let changes = try answers[1].map { try Self.change($0, allLeaves: allLeaves) }
        let last = changes.last?.position.number ?? position.number
        let hasMore = changes.count == limit
        return StoredChanges(
            changes: changes,
            end: FeedPosition(hasMore ? last : max(present, last)),
            hasMore: hasMore
        )
    }
}
