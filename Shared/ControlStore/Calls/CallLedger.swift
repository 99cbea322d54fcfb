package import Postgres

extension ControlStore {
    /// The table of the transactions that may happen only once, as a component of its own.
    package static let callMigrations: [PostgresMigration] = [
        PostgresMigration(
            version: 1,
            name: "transactions that have begun",
            sql: """
                CREATE TABLE connector_calls (
                    call text PRIMARY KEY,
                    begun_at timestamptz NOT NULL DEFAULT now()
                );
                CREATE INDEX connector_calls_begun ON connector_calls (begun_at);
                """
        ),
        cookieMigration,
        notificationMigration,
    ]

    /// Notes that a transaction which must not be repeated is about to begin.
    ///
    /// - Returns: False when it has begun before, wherever that was and whatever became of it.
    package func begin(call: String) async throws -> Bool {
        try await client.execute("INSERT INTO connector_calls (call) VALUES (\(call)) ON CONFLICT DO NOTHING") == 1
    }

    /// Takes the note back, because the transaction certainly did not happen.
    package func forget(call: String) async throws {
        try await client.execute("DELETE FROM connector_calls WHERE call = \(call)")
    }

    /// Takes away the notes of calls that nobody can deliver again.
    package func forgetCalls(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM connector_calls WHERE begun_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
