import Postgres

extension ControlStore {
    /// Has a follower go on from that position, backward or forward, whoever follows at the moment.
    ///
    /// The lease is taken from its holder: what the holder has in hand does not count, and whoever follows next begins
    /// at the position.
    package func rewind(_ follower: String, in database: String, to position: Position) async throws {
        try await client.transaction { connection in
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
        }
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
