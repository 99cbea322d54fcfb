import Postgres

extension ControlStore {
    /// The number that counts up whenever somebody's rights become others: a session that is ended, a membership, a
    /// password.
    package func accessEpoch() async throws -> Int64 {
        let rows = try await client.query("SELECT epoch FROM access_epoch")
        return try rows.first?.decode(Int64.self, at: 0) ?? 0
    }

    /// Says that somebody's rights are others than before, once the transaction that changed them is committed.
    ///
    /// For changes of other stores, such as memberships; those of this store count in their own transaction. A process
    /// that dies between the two leaves live feeds to their next regular look.
    package func advanceAccessEpoch() async throws {
        try await client.execute(Self.advanceEpoch)
    }

    /// Part of the transaction that changes rights, the last one: whoever changes rights at the same time waits for it.
    static let advanceEpoch: PostgresQuery = "UPDATE access_epoch SET epoch = epoch + 1"
}
