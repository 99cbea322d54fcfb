import Contracts
package import Foundation
package import JSON
import Postgres
package import Projects
import Schedules
import Sequences

extension Job {
    /// A run of the job's work.
    package func run(of project: String) -> NewRun {
        var run = NewRun(
            project: sequence.project ?? project,
            sequence: sequence.sequence,
            cause: .schedule,
            // A sequence that was made of the job's work has them in its steps.
            variables: isWorkNamed ? variables : [:],
            traceID: RunID.newTrace()
        )
        run.source = name
        run.sourceProject = project
        run.identity = CallerIdentity(user: runAs)
        // Firings of a job that queues follow each other; others may run side by side.
        if overlap == .queue { run.orderingKeys = ["job/\(project)/\(name)"] }
        return run
    }

    private var isWorkNamed: Bool {
        if case .sequence = work { true } else { false }
    }
}

/// What became of a time at which a job was due.
package struct JobFiring: Sendable {
    package let at: Date
    /// What came of it; nil where the job's policy left it out.
    package let run: JSONObject?
    /// How many firings up to this one nobody was there for, and are left out; nil where it was left out because the
    /// one before was under way.
    package var missed: Int?
}

extension ControlStore {
    /// Fires a job now, because an operator wants it, beside its schedule.
    ///
    /// - Returns: The id of the run; nil when the job does not overlap with itself, and is under way.
    package func fireNow(_ job: Job, of project: String) async throws -> String? {
        let run = job.run(of: project)
        let key = Self.key(ofJob: job.name, of: project)
        return try await client.transaction { connection in
            // One decision at a time about the job, those of schedulers included, also about one that is new.
            try await connection.execute("INSERT INTO schedules (job) VALUES (\(key)) ON CONFLICT DO NOTHING")
            _ = try await connection.query("SELECT FROM schedules WHERE job = \(key) FOR UPDATE")
            if job.overlap == .skip {
                let unfinished = try await unfinishedRuns(of: run, limit: 1, connection)
                guard unfinished == 0 else { return nil }
            }
            try await connection.execute(
                """
                INSERT INTO firings (job, at, run) VALUES (\(key), clock_timestamp(), \(UUID(uuidString: run.id)))
                """
            )
            let answers = try await connection.pipeline(insert([run]))
            return try answers[0].first?.decode(UUID.self, at: 0).uuidString.lowercased()
        }
    }

    /// The times at which a job was due lately, the latest first, and what became of them.
    package func firings(ofJob name: String, of project: String, limit: Int) async throws -> [JobFiring] {
        let key = Self.key(ofJob: name, of: project)
        let rows = try await client.query(
            """
            -- The latest of each, which their indexes give, and of those the latest.
            SELECT at, run, NULL::integer AS missed, state, attempts, started_at, finished_at, error
            FROM (
                SELECT at, run FROM firings WHERE job = \(key) ORDER BY at DESC LIMIT \(Int64(limit))
            ) AS fired LEFT JOIN runs ON runs.id = fired.run
            UNION ALL
            (
                SELECT last, NULL, count, NULL, NULL, NULL, NULL, NULL
                FROM missed_firings WHERE job = \(key) ORDER BY last DESC LIMIT \(Int64(limit))
            )
            ORDER BY at DESC LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (at, id, missed, state, attempts, started, finished, error) = try row.decode(
                Date.self,
                UUID?.self,
                Int32?.self,
                String?.self,
                Int32?.self,
                Date?.self,
                Date?.self,
                [UInt8]?.self
            )
            guard let id else { return JobFiring(at: at, run: nil, missed: missed.map(Int.init)) }
            var run: JSONObject = [
                "run": .string(id.uuidString.lowercased()),
                // Runs are not kept as long as firings.
                "state": state.map(JSONValue.string) ?? "forgotten",
                "attempts": attempts.map { .number(JSONNumber(Int($0))) } ?? .null,
                "started": started.map { .string($0.formatted(.iso8601)) } ?? .null,
                "finished": finished.map { .string($0.formatted(.iso8601)) } ?? .null,
            ]
            if let error { run["error"] = try JSONValue(parsing: error, limits: .unlimited) }
            return JobFiring(at: at, run: run)
        }
    }
}
