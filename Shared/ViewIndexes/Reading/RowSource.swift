package import Postgres

/// What rows are asked of: the pool, or one connection within a transaction.
package protocol RowSource: Sendable {
    func rows(_ query: PostgresQuery) async throws -> PostgresRows
}

extension PostgresClient: RowSource {
    package func rows(_ query: PostgresQuery) async throws -> PostgresRows { try await self.query(query) }
}

extension PostgresConnection: RowSource {
    package nonisolated func rows(_ query: PostgresQuery) async throws -> PostgresRows { try await self.query(query) }
}
