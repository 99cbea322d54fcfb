import Contracts
import Postgres

extension ControlStore {
    /// Has a follower go on from that position, backward or forward, whoever follows at the moment.
    ///
    /// The lease is taken from its holder: what the holder has in hand does not count, and whoever follows next begins
    /// at the position.
    ///
    /// - Parameter listener: The listener whose runs that wait are cancelled with that; nil when they are to be done.
    ///   Those that a worker has in hand, that have failed or are uncertain stay as they are.
    /// - Returns: How many runs were cancelled, and those that stood behind one of them and may be ready now.
    @discardableResult
    package func rewind(
        _ follower: String,
        in database: String,
        to position: Position,
        cancellingRunsOf listener: (project: String, name: String)? = nil
    ) async throws -> (cancelled: Int, next: [String]) {
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
        guard let listener else { return (0, []) }
        let cancelled = try await cancelWaitingRuns(of: listener, through: last)
        return (cancelled.count, try await firstInLine(of: cancelled.keys))
    }

    /// How many runs are cancelled at once: many small steps keep nobody waiting.
    private static let cancelledAtOnce = 1_000

    private func cancelWaitingRuns(
        of listener: (project: String, name: String),
        through last: Int64
    ) async throws -> (count: Int, keys: [String]) {
        var (count, keys) = (0, Set<String>())
        while true {
            let some = try await cancelSomeWaitingRuns(of: listener, through: last)
            guard some.count > 0 else { return (count, Array(keys)) }
            count += some.count
            keys.formUnion(some.keys)
        }
    }

    private func cancelSomeWaitingRuns(
        of listener: (project: String, name: String),
        through last: Int64
    ) async throws -> (count: Int, keys: [String]) {
        let failure = Failure(code: "rewound", message: "The listener was sent to another place.")
        let rows = try await client.query(
            """
            WITH waiting AS (
                SELECT id FROM runs
                -- A run that waits has its variables, which is what the index asks.
                WHERE state = 'waiting' AND variables IS NOT NULL AND cause = 'listener'
                    AND coalesce(source_project, project) = \(listener.project) AND source = \(listener.name)
                    AND number <= \(last)
                LIMIT \(Int64(Self.cancelledAtOnce))
                FOR UPDATE
            ), ended AS (
                UPDATE runs SET state = 'cancelled', finished_at = now(), claim = claim + 1, error = \(failure.bytes),
                    left_lines = \(unescaped: Self.linesThatAreLeft)
                WHERE id IN (SELECT id FROM waiting)
                RETURNING id
            ), freed AS (
                DELETE FROM run_keys USING ended WHERE run_keys.run = ended.id RETURNING run_keys.key
            )
            SELECT (SELECT count(*) FROM ended), (SELECT array_agg(DISTINCT key) FROM freed)
            """
        )
        guard let (count, keys) = try rows.first?.decode(Int64.self, [String]?.self) else { return (0, []) }
        return (Int(count), keys ?? [])
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
