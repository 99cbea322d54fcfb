import Contracts
import Postgres

/// What became of sending a listener to another place, which stands.
package struct RewindOutcome: Sendable {
    /// How many runs were cancelled; where PostgreSQL went away meanwhile, it may be some more.
    package var cancelled = 0
    /// Why others that wait are not cancelled, until the same is asked for again; nil when all are.
    package var failure: (any Error)?
}

extension ControlStore {
    /// Has a follower go on from that position, backward or forward, whoever follows at the moment.
    ///
    /// The lease is taken from its holder: what the holder has in hand does not count, and whoever follows next begins
    /// at the position.
    ///
    /// - Parameters:
    ///   - follower: Who follows.
    ///   - database: The database that it follows.
    ///   - position: Behind what it goes on.
    ///   - listener: The listener whose runs that wait are cancelled with that; nil when they are to be done. Those
    ///     that a worker has in hand, that have failed or are uncertain stay as they are.
    ///   - tell: Is given those runs, some at a time, that stood behind one that was cancelled and may be ready now.
    /// - Throws: That the follower goes on as before.
    @discardableResult
    package func rewind(
        _ follower: String,
        in database: String,
        to position: Position,
        cancellingRunsOf listener: (project: String, name: String)? = nil,
        tell: ([String]) async -> Void = { _ in }
    ) async throws -> RewindOutcome {
        let last = try await client.transaction { connection in
            try await connection.execute(
                """
                UPDATE leases SET token = token + 1, holder = '', until = now() - interval '1 second'
                WHERE name = \(Lease.name(of: follower, in: database))
                """
            )
            try await connection.execute(
                """
                INSERT INTO positions (follower, database, incarnation, seq)
                VALUES (\(follower), \(database), \(position.incarnation), \(Int64(position.seq)))
                ON CONFLICT (follower, database) DO UPDATE
                SET incarnation = excluded.incarnation, seq = excluded.seq
                """
            )
            // Behind the lease: whoever was about to make runs has made them, or never will. Those that are made from
            // the new place have greater numbers.
            let rows = try await connection.query("SELECT coalesce(max(number), 0) FROM runs")
            return try rows.first?.decode(Int64.self, at: 0) ?? 0
        }
        var outcome = RewindOutcome()
        guard let listener else { return outcome }
        do {
            try await cancelWaitingRuns(of: listener, through: last, counting: &outcome.cancelled, tell: tell)
        } catch {
            outcome.failure = error
        }
        return outcome
    }

    /// How many runs are cancelled at once: many small steps keep nobody waiting.
    private static let cancelledAtOnce = 1_000

    /// The youngest first, so that none moves up in its line that is to be cancelled, too.
    private func cancelWaitingRuns(
        of listener: (project: String, name: String),
        through last: Int64,
        counting count: inout Int,
        tell: ([String]) async -> Void
    ) async throws {
        var youngest = last
        while true {
            let end = youngest
            let some = try await insist { try await cancelSomeWaitingRuns(of: listener, through: end) }
            if let oldest = some.oldest {
                count += some.count
                await tell(try await insist { try await firstInLine(of: some.keys) })
                youngest = oldest - 1
            } else if youngest < last {
                // Once more from the start: some may have come to wait again.
                youngest = last
            } else {
                return
            }
        }
    }

    /// Asks again, some times, where PostgreSQL may be back soon.
    private func insist<Value>(_ ask: () async throws -> Value) async throws -> Value {
        var pause = Duration.milliseconds(100)
        for _ in 0..<5 {
            do {
                return try await ask()
            } catch let error as PostgresError where error.mayPass {
                try await Task.sleep(for: pause)
                pause *= 2
            }
        }
        return try await ask()
    }

    private func cancelSomeWaitingRuns(
        of listener: (project: String, name: String),
        through last: Int64
    ) async throws -> (count: Int, oldest: Int64?, keys: [String]) {
        let failure = Failure(code: "rewound", message: "The listener was sent to another place.")
        let rows = try await client.query(
            """
            WITH waiting AS (
                SELECT id, number FROM runs
                -- A run that waits has its variables, which is what the index asks.
                WHERE state = 'waiting' AND variables IS NOT NULL AND cause = 'listener'
                    AND coalesce(source_project, project) = \(listener.project) AND source = \(listener.name)
                    AND number <= \(last)
                ORDER BY number DESC LIMIT \(Int64(Self.cancelledAtOnce))
                FOR UPDATE
            ), ended AS (
                UPDATE runs SET state = 'cancelled', finished_at = now(), claim = claim + 1, error = \(failure.bytes),
                    left_lines = \(unescaped: Self.linesThatAreLeft)
                WHERE id IN (SELECT id FROM waiting)
                RETURNING id
            ), freed AS (
                DELETE FROM run_keys USING ended WHERE run_keys.run = ended.id RETURNING run_keys.key
            )
            SELECT (SELECT count(*) FROM ended), (SELECT min(number) FROM waiting),
                (SELECT array_agg(DISTINCT key) FROM freed)
            """
        )
        guard let (count, oldest, keys) = try rows.first?.decode(Int64.self, Int64?.self, [String]?.self) else {
            return (0, nil, [])
        }
        return (Int(count), oldest, keys ?? [])
    }

    /// How many runs a listener has started that are not done, by state.
    ///
    /// - Parameters:
    ///   - project: The project of the listener.
    ///   - listener: The listener's name.
    package func openRuns(project: String, listener: String) async throws -> [RunState: Int] {
        let rows = try await client.query(
            """
            SELECT state, count(*) FROM runs
            WHERE state IN ('waiting', 'running', 'failed', 'uncertain') AND cause = 'listener'
                AND coalesce(source_project, project) = \(project) AND source = \(listener)
            GROUP BY state
            """
        )
        var counts: [RunState: Int] = [:]
        for row in rows {
            let (state, count) = try row.decode(String.self, Int64.self)
            if let state = RunState(rawValue: state) { counts[state] = Int(count) }
        }
        return counts
    }
}

extension Lease {
    /// The name of the lease under which a follower follows a database.
    package static func name(of follower: String, in database: String) -> String { "\(follower)@\(database)" }
}
