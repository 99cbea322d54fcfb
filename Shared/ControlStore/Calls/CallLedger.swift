package import Foundation
package import Postgres

/// What is known of a transaction that may happen only once.
package enum CallBeginning: Sendable, Hashable {
    /// It has not begun before, and has begun now.
    case first
    /// It has begun before, and nobody knows what became of it.
    case before
    /// It has begun before, and certainly did not happen: how it was answered.
    case refused([UInt8])
}

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
        PostgresMigration(
            version: 4,
            name: "who has begun transactions, and how they were refused",
            sql: "ALTER TABLE connector_calls ADD COLUMN attempt uuid, ADD COLUMN refusal bytea"
        ),
    ]

    /// Notes that a transaction which must not be repeated is about to begin.
    ///
    /// - Parameters:
    ///   - call: Its name.
    ///   - attempt: Whose note it is: when it is not known whether it was written, it is written again.
    /// - Returns: What is known of it, wherever it has begun.
    package func begin(call: String, as attempt: UUID) async throws -> CallBeginning {
        let begun = try await client.execute(
            """
            INSERT INTO connector_calls (call, attempt) VALUES (\(call), \(attempt))
            ON CONFLICT (call) DO UPDATE SET begun_at = now() WHERE connector_calls.attempt = excluded.attempt
            """
        )
        guard begun == 0 else { return .first }
        let rows = try await client.query("SELECT refusal FROM connector_calls WHERE call = \(call)")
        return try rows.first?.decode([UInt8]?.self, at: 0).map(CallBeginning.refused) ?? .before
    }

    /// Notes how a transaction was answered that certainly did not happen.
    ///
    /// The note itself stays: whoever asked has heard of it and may ask anew, under another name, before the message of
    /// this one comes again. That must not begin it then.
    package func refuse(call: String, with answer: [UInt8]) async throws {
        try await client.execute("UPDATE connector_calls SET refusal = \(answer) WHERE call = \(call)")
    }

    /// Takes away the notes of calls that nobody can deliver again.
    package func forgetCalls(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM connector_calls WHERE begun_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
