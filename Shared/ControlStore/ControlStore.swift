package import Logging
package import Postgres

/// What the services share beside documents: deployed projects, runs, leases, sessions and firings.
///
/// All SQL about these things is in this module. Every method is one statement or one transaction, so that any
/// process may die between any two of them.
package struct ControlStore: Sendable {
    package let client: PostgresClient
    let logger: Logger

    package init(_ client: PostgresClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// What names this installation to replicators: the same for all of its endpoints, as long as it lives.
    package func serverID() async throws -> String {
        let rows = try await client.query("SELECT id FROM installation")
        return try rows.first?.decode(String.self, at: 0) ?? ""
    }
}
