import Foundation
import Postgres

extension ControlStore {
    /// The runs of which workers should be told (again): their time has come and nobody was told, or nobody came.
    ///
    /// This is what makes a lost message, a lost broker and a dead worker a delay. Each run is handed to one caller.
    /// A run that stands behind an older one is passed over: the end of the older one tells of it.
    ///
    /// - Parameters:
    ///   - limit: How many runs are looked at; as many or fewer are answered.
    ///   - patience: How long a run that was told of is left alone.
    package func dueRuns(limit: Int, patience: Duration) async throws -> [String] {
        let rows = try await client.query(
            """
            WITH due AS (
                SELECT id FROM runs
                WHERE state IN ('waiting', 'running') AND nudge_at <= now() AND variables IS NOT NULL
                ORDER BY nudge_at LIMIT \(Int64(limit))
                FOR UPDATE SKIP LOCKED
            ), told AS (
                UPDATE runs SET nudge_at = now() + \(patience.seconds) * interval '1 second'
                WHERE id = ANY (ARRAY(SELECT id FROM due))
                RETURNING runs.id, runs.number
            )
            SELECT id FROM told
            WHERE NOT EXISTS (
                SELECT FROM run_keys AS mine JOIN run_keys AS older USING (key)
                WHERE mine.run = told.id AND older.number < mine.number
            )
            ORDER BY number
            """
        )
        return try rows.map { try $0.decode(UUID.self, at: 0).uuidString.lowercased() }
    }

    /// Ends the runs that nobody can finish any more: calls with secrets whose worker died.
    package func failAbandonedCalls() async throws -> Int {
        try await client.execute(
            """
            UPDATE runs SET state = 'failed', finished_at = now(), claimed_until = NULL,
                error = \(Array(#"{"code":"worker_lost","message":"The worker that ran it is gone."}"#.utf8))
            WHERE id IN (
                SELECT id FROM runs
                WHERE state = 'running' AND variables IS NULL AND claimed_until < now() - interval '1 minute'
                FOR UPDATE SKIP LOCKED
            )
            """
        )
    }

    /// Deletes finished runs that are older than that; failed ones are kept as long as the others, and those of which a
    /// person has to find out what they did until one has decided.
    package func pruneRuns(olderThan age: Duration, limit: Int) async throws -> Int {
        try await client.execute(
            """
            DELETE FROM runs WHERE id IN (
                SELECT id FROM runs
                WHERE finished_at < now() - \(age.seconds) * interval '1 second' AND state <> 'uncertain'
                    -- What still holds younger runs back waits for a person, however long that takes.
                    AND NOT EXISTS (SELECT FROM run_keys WHERE run = runs.id)
                ORDER BY finished_at LIMIT \(Int64(limit))
                FOR UPDATE SKIP LOCKED
            )
            """
        )
    }
}
