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

    /// Decides a job's firings up to a time, and makes their runs, unless another scheduler has decided in the
    /// meantime.
    ///
    /// A decision holds for what was decided before it: of several schedulers that began from the same moment one
    /// decides, whatever their clocks say, and also when it decided that nothing runs.
    ///
    /// - Parameters:
    ///   - runs: A run for each time at which the job fires.
    ///   - decided: The time up to which firings were decided when this decision was made; nil when the job was new.
    ///   - until: The time up to which nothing is left to decide.
    /// - Returns: The ids of the runs that were made; nil when another scheduler decided.
    package func fire(
        job: String,
        _ runs: [(at: Date, run: NewRun)],
        after decided: Date?,
        until: Date
    ) async throws -> [String]? {
        try await client.transaction { connection in
            guard try await take(job, from: decided, to: until, connection) else { return nil }
            guard !runs.isEmpty else { return [] }
            let times = try await connection.query(
                """
                INSERT INTO firings (job, at, run)
                SELECT \(job), new.at, new.run
                FROM unnest(\(runs.map(\.at)), \(runs.map { UUID(uuidString: $0.run.id) })) AS new (at, run)
                ON CONFLICT DO NOTHING RETURNING run
                """
            )
            let decided = Set(try times.map { try $0.decode(UUID.self, at: 0) })
            let won = runs.map(\.run).filter { run in UUID(uuidString: run.id).map(decided.contains) ?? false }
            guard !won.isEmpty else { return [] }
            let answers = try await connection.pipeline(insert(won))
            return try answers[0].map { try $0.decode(UUID.self).uuidString.lowercased() }
        }
    }

    /// Moves the time up to which a job is decided; false when it is not where the decision began.
    private func take(
        _ job: String,
        from decided: Date?,
        to until: Date,
        _ connection: PostgresConnection
    ) async throws -> Bool {
        let moved: PostgresQuery =
            if let decided {
                """
                UPDATE schedules SET decided_until = greatest(decided_until, \(until))
                WHERE job = \(job) AND decided_until = \(decided) RETURNING job
                """
            } else {
                """
                INSERT INTO schedules (job, decided_until) VALUES (\(job), \(until))
                ON CONFLICT DO NOTHING RETURNING job
                """
            }
        return try await !connection.query(moved).isEmpty
    }

    /// How many runs that the job started are unfinished, which its overlap policy asks; counted up to a limit.
    package func unfinishedRuns(project: String, job: String, limit: Int) async throws -> Int {
        let rows = try await client.query(
            """
            SELECT FROM runs
            WHERE state IN ('waiting', 'running') AND cause = 'schedule' AND project = \(project) AND source = \(job)
            LIMIT \(limit)
            """
        )
        return rows.count
    }

    /// Deletes the decisions that no scheduler can come back to.
    package func pruneFirings(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM firings WHERE decided_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
