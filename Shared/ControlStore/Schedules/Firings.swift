package import Foundation
import Postgres
package import Schedules

extension ControlStore {
    /// The time up to which a job's firings have been decided; nil when the job is new.
    package func decidedUntil(job: String) async throws -> Date? {
        let rows = try await client.query("SELECT decided_until FROM schedules WHERE job = \(job)")
        return try rows.first?.decode(Date?.self, at: 0)
    }

    /// The times up to which the firings of all jobs have been decided, by job.
    package func decidedUntil() async throws -> [String: Date] {
        var times: [String: Date] = [:]
        for row in try await client.query("SELECT job, decided_until FROM schedules WHERE decided_until IS NOT NULL") {
            let (job, time) = try row.decode(String.self, Date.self)
            times[job] = time
        }
        return times
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
    ///   - firings: The times at which the job fires, each with its run; without one where it is left out, which is
    ///     only noted.
    ///   - missed: How many firings were missed and are left out, and the last of them; they are noted together.
    ///   - schedule: The schedule by which they were decided, described; nil when it need not be the job's of now. One
    ///     that the job has no more decides nothing.
    ///   - decided: The time up to which firings were decided when this decision was made; nil when the job was new.
    ///   - until: The time up to which nothing is left to decide; before `decided` when the clock was put back.
    ///   - overlap: What becomes of a firing while runs of earlier ones, or of the same decision, are not done.
    /// - Returns: The ids of the runs that were made; nil when another scheduler decided.
    package func fire(
        job: String,
        _ firings: [(at: Date, run: NewRun?)],
        missed: (count: Int, last: Date)? = nil,
        of schedule: String? = nil,
        after decided: Date?,
        until: Date,
        overlap: Overlap = .allow
    ) async throws -> [String]? {
        try await client.transaction { connection in
            guard try await take(job, schedule, from: decided, to: until, connection) else { return nil }
            if let missed {
                try await connection.execute(
                    """
                    INSERT INTO missed_firings (job, last, count)
                    VALUES (\(job), \(missed.last), \(Int32(clamping: missed.count)))
                    ON CONFLICT (job, last) DO UPDATE SET count = excluded.count, decided_at = now()
                    """
                )
            }
            guard !firings.isEmpty else { return [] }
            // Behind the job's row, which is held now: nobody else starts a run of it meanwhile.
            let firings = try await startable(firings, overlap, connection)
            let times = try await connection.query(
                """
                INSERT INTO firings (job, at, run)
                SELECT \(job), new.at, new.run
                FROM unnest(\(firings.map(\.at)), \(firings.map { $0.run.flatMap { UUID(uuidString: $0.id) } }))
                    AS new (at, run)
                ON CONFLICT DO NOTHING RETURNING run
                """
            )
            let decided = Set(try times.compactMap { try $0.decode(UUID?.self, at: 0) })
            let won = firings.compactMap(\.run).filter { run in UUID(uuidString: run.id).map(decided.contains) ?? false
            }
            guard !won.isEmpty else { return [] }
            let answers = try await connection.pipeline(insert(won))
            return try answers[0].map { try $0.decode(UUID.self).uuidString.lowercased() }
        }
    }

    /// Moves the time up to which a job is decided; false when it is not where the decision began, or when the job has
    /// another schedule than the one by which was decided.
    ///
    /// A job has a row from its deployment on, and none when it is disabled or gone: a scheduler that has not heard of
    /// that would else take it for new, and fire it at once.
    private func take(
        _ job: String,
        _ schedule: String?,
        from decided: Date?,
        to until: Date,
        _ connection: PostgresConnection
    ) async throws -> Bool {
        let isFrom: PostgresQuery = decided.map { "decided_until = \($0)" } ?? "decided_until IS NULL"
        let moved = try await connection.query(
            """
            UPDATE schedules SET decided_until = \(until)
            WHERE job = \(job) AND \(fragment: isFrom)
                -- Null where it is not known.
                AND (schedule IS NULL OR schedule = coalesce(\(schedule), schedule))
            RETURNING job
            """
        )
        return !moved.isEmpty
    }

    /// The firings, without the runs that the overlap policy does not let start.
    private func startable(
        _ firings: [(at: Date, run: NewRun?)],
        _ overlap: Overlap,
        _ connection: PostgresConnection
    ) async throws -> [(at: Date, run: NewRun?)] {
        guard overlap != .allow, let first = firings.lazy.compactMap(\.run).first else { return firings }
        var unfinished = try await unfinishedRuns(of: first, limit: Overlap.defaultQueueLimit + 1, connection)
        return firings.map { firing in
            guard let run = firing.run else { return firing }
            // One of them is under way, or about to be; the others wait for it.
            let decision = overlap.decision(running: min(unfinished, 1), waiting: max(unfinished - 1, 0))
            guard decision != .leaveOut else { return (firing.at, nil) }
            unfinished += 1
            return (firing.at, run)
        }
    }

    /// How many runs of the run's job are unfinished, which the overlap policy asks; counted up to a limit.
    func unfinishedRuns(of run: NewRun, limit: Int, _ connection: PostgresConnection) async throws -> Int {
        let rows = try await connection.query(
            """
            SELECT FROM runs
            WHERE state IN ('waiting', 'running') AND cause = 'schedule' AND project = \(run.project)
                AND source = \(run.source) AND coalesce(source_project, project) = \(run.sourceProject)
            LIMIT \(limit)
            """
        )
        return rows.count
    }

    /// Deletes the decisions that no scheduler can come back to.
    package func pruneFirings(olderThan age: Duration) async throws {
        for table in ["firings", "missed_firings"] {
            try await client.execute(
                "DELETE FROM \(unescaped: table) WHERE decided_at < now() - \(age.seconds) * interval '1 second'"
            )
        }
    }
}
