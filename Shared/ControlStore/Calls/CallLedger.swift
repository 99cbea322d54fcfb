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
    /// It has not begun, and nobody waits for it any more.
    case late
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
            sql: """
                ALTER TABLE connector_calls
                    ADD COLUMN attempt uuid,
                    ADD COLUMN refusal bytea,
                    -- When nobody begins it any more; the default is for services of an earlier version.
                    ADD COLUMN until timestamptz NOT NULL DEFAULT now() + interval '1 day';
                DROP INDEX connector_calls_begun;
                CREATE INDEX connector_calls_until ON connector_calls (until);
                """
        ),
    ]

    /// Notes that a transaction which must not be repeated is about to begin.
    ///
    /// - Parameters:
    ///   - call: Its name.
    ///   - attempt: Whose note it is: when it is not known whether it was written, it is written again.
    ///   - end: Until when it is waited for, by PostgreSQL's clock, in milliseconds since 1970. PostgreSQL looks: a
    ///     process that stood still begins nothing whose note has been taken away.
    /// - Returns: What is known of it, wherever it has begun.
    package func begin(call: String, as attempt: UUID, until end: Int) async throws -> CallBeginning {
        let seconds = Double(end) / 1_000
        let begun = try await client.execute(
            """
            INSERT INTO connector_calls (call, attempt, until)
            SELECT \(call)::text, \(attempt)::uuid, to_timestamp(\(seconds)::double precision)
            WHERE to_timestamp(\(seconds)::double precision) > now()
            ON CONFLICT (call) DO UPDATE SET begun_at = now() WHERE connector_calls.attempt = excluded.attempt
            """
        )
        guard begun == 0 else { return .first }
        let rows = try await client.query("SELECT refusal FROM connector_calls WHERE call = \(call)")
        guard let row = rows.first else { return .late }
        return try row.decode([UInt8]?.self, at: 0).map(CallBeginning.refused) ?? .before
    }

    /// Notes how a transaction was answered that certainly did not happen.
    ///
    /// The note itself stays: whoever asked has heard of it and may ask anew, under another name, before the message of
    /// this one comes again. That must not begin it then.
    package func refuse(call: String, with answer: [UInt8]) async throws {
        try await client.execute("UPDATE connector_calls SET refusal = \(answer) WHERE call = \(call)")
    }

    /// Takes away the notes of calls that nobody begins any more, so many at once that nobody waits for it for long.
    package func forgetCalls() async throws {
        let batch = 1_000
        var taken = batch
        while taken == batch, !Task.isCancelled {
            taken = try await client.execute(
                """
                DELETE FROM connector_calls WHERE call = ANY (ARRAY(
                    SELECT call FROM connector_calls WHERE until < now() - interval '1 minute'
                    ORDER BY until LIMIT \(batch)::bigint FOR UPDATE SKIP LOCKED
                ))
                """
            )
        }
    }
}
