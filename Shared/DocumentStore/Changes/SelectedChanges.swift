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
                unnest(\(ids.map(\.text))) AS asked (id)
                CROSS JOIN \(fragment: Self.documentsAsked(in: database)) WHERE true
                """
            case .design:
                "documents WHERE database = \(database.id) AND documents.id >= '_design/' AND documents.id < '_design0'"
            }
        return try await changes(from: source, in: database, since: position, limit: limit, allLeaves: allLeaves)
    }
}
