package import Foundation
import Postgres

extension ControlStore {
    /// The time up to which a job's firings have been decided; nil when the job is new.
    package func decidedUntil(job: String) async throws -> Date? {
        let rows = try await client.query("SELECT decided_until FROM schedules WHERE job = \(job)")
        return try rows.first.map { try $0.decode(Date.self) }
    }

    /// The present by PostgreSQL's clock, which decides for every scheduler.
    package func now() async throws -> Date {
        let rows = try await client.query("SELECT clock_timestamp()")
        return try rows.first?.decode(Date.self, at: 0) ?? Date()
    }

    /// Decides a job's firings up to a time, and makes their runs.
    ///
    /// One row per job and time decides who fires: of several schedulers that decide the same firing one makes the
    /// run, whatever their clocks say.
    ///
    /// - Parameters:
    ///   - runs: A run for each time at which the job fires.
    ///   - until: The time up to which nothing is left to decide.
    /// - Returns: The ids of the runs that were made.
    package func fire(job: String, _ runs: [(at: Date, run: NewRun)], until: Date) async throws -> [String] {
        try await client.transaction { connection in
            let decided = try await connection.query(
                """
                INSERT INTO firings (job, at, run)
                SELECT \(job), new.at, new.run
                FROM unnest(\(runs.map(\.at)), \(runs.map { UUID(uuidString: $0.run.id) })) AS new (at, run)
                ON CONFLICT DO NOTHING RETURNING run
                """
            )
            let mine = Set(try decided.map { try $0.decode(UUID.self, at: 0) })
            try await connection.execute(
                """
                INSERT INTO schedules AS known (job, decided_until) VALUES (\(job), \(until))
                ON CONFLICT (job) DO UPDATE SET decided_until = greatest(known.decided_until, excluded.decided_until)
                """
            )
            let won = runs.map(\.run).filter { run in UUID(uuidString: run.id).map(mine.contains) ?? false }
            guard !won.isEmpty else { return [] }
            let answers = try await connection.pipeline(insert(won))
            return try answers[0].map { try $0.decode(UUID.self).uuidString.lowercased() }
        }
    }

    /// Whether a run that the job started is unfinished, which its overlap policy asks.
    package func hasUnfinishedRun(project: String, job: String) async throws -> Bool {
        let rows = try await client.query(
            """
            SELECT FROM runs
            WHERE state IN ('waiting', 'running') AND cause = 'schedule' AND project = \(project) AND source = \(job)
            LIMIT 1
            """
        )
        return rows.first != nil
    }

    /// Deletes the decisions that no scheduler can come back to.
    package func pruneFirings(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM firings WHERE decided_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
