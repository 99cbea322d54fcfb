import Foundation
package import Postgres

extension ControlStore {
    /// The runs of which workers should be told (again): their time has come and nobody was told, or nobody came.
    ///
    /// This is what makes a lost message, a lost broker and a dead worker a delay. Each run is handed to one caller.
    ///
    /// - Parameter patience: How long a run that was told of is left alone.
    package func dueRuns(limit: Int, patience: Duration) async throws -> [String] {
        let rows = try await client.query(
            """
            UPDATE runs SET nudged_at = now()
            WHERE id IN (
                SELECT id FROM runs
                WHERE (state = 'waiting' AND available_at <= now() OR state = 'running' AND claimed_until < now())
                    AND (nudged_at IS NULL OR nudged_at < now() - \(patience.seconds) * interval '1 second')
                ORDER BY number LIMIT \(Int64(limit))
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id
            """
        )
        return try rows.map { try $0.decode(UUID.self).uuidString.lowercased() }
    }

    /// Ends the runs that nobody can finish any more: calls with secrets whose worker died.
    package func failAbandonedCalls() async throws -> Int {
        try await client.execute(
            """
            UPDATE runs SET state = 'failed', finished_at = now(), claimed_until = NULL,
                error = \(Array(#"{"code":"worker_lost","message":"The worker that ran it is gone."}"#.utf8))
            WHERE state = 'running' AND variables IS NULL AND claimed_until < now() - interval '1 minute'
            """
        )
    }

    /// Deletes finished runs that are older than that; failed ones are kept as long as the others.
    package func pruneRuns(olderThan age: Duration, limit: Int) async throws -> Int {
        try await client.execute(
            """
            DELETE FROM runs WHERE id IN (
                SELECT id FROM runs
                WHERE finished_at < now() - \(age.seconds) * interval '1 second'
                ORDER BY finished_at LIMIT \(Int64(limit))
            )
            """
        )
    }
}
