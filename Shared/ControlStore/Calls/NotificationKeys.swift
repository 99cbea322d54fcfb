import Contracts
import Foundation
import Postgres

extension ControlStore {
    static let notificationMigration = PostgresMigration(
        version: 3,
        name: "notifications that were acted on",
        sql: """
            -- Longer than the runs that they became: a back end may repeat its outbox after a failure of weeks.
            CREATE TABLE notification_keys (
                key text COLLATE "C" PRIMARY KEY,
                run uuid NOT NULL,
                noted_at timestamptz NOT NULL DEFAULT now()
            );
            INSERT INTO notification_keys (key, run, noted_at)
            SELECT dedupe_key, id, created_at FROM runs WHERE cause = 'notification' AND dedupe_key IS NOT NULL;
            CREATE INDEX notification_keys_noted ON notification_keys (noted_at);
            """
    )

    /// Makes the run of a notification, unless one with the same `dedupeKey` was made before, be it pruned or not.
    ///
    /// - Returns: Its id, when it was made.
    package func make(notified run: NewRun) async throws -> [String] {
        guard let key = run.dedupeKey else { return try await make([run]) }
        return try await client.transaction { connection in
            let noted = try await connection.execute(
                """
                INSERT INTO notification_keys (key, run) VALUES (\(key), \(UUID(uuidString: run.id)))
                ON CONFLICT DO NOTHING
                """
            )
            guard noted == 1 else { return [] }
            let answers = try await connection.pipeline(insert([run]))
            return try answers[0].map { try $0.decode(UUID.self).uuidString.lowercased() }
        }
    }

    /// Forgets notifications that were acted on long ago: one that came again would be acted on again.
    package func forgetNotifications(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM notification_keys WHERE noted_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
