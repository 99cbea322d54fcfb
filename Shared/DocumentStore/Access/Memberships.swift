import Postgres

/// Who says that a user is in a group.
package enum MembershipSource: String, Sendable {
    case administrator
    case login
    case sequence
}

extension DocumentStore {
    /// The groups that the user is in, whoever says so.
    package func groups(of user: String) async throws -> Set<String> {
        let rows = try await client.query(
            "SELECT DISTINCT group_name FROM memberships WHERE user_name = \(user)"
        )
        return Set(try rows.map { try $0.decode(String.self) })
    }

    /// Makes these the groups that `source` says the user is in; what other sources say stays.
    ///
    /// Joining and leaving take numbers of every database's order of changes, so that they reach the user's devices in
    /// order with all else.
    ///
    /// - Returns: Whether the user's groups are others than before.
    @discardableResult
    package func setGroups(_ groups: Set<String>, of user: String, by source: MembershipSource) async throws -> Bool {
        let known = try await client.query(
            "SELECT group_name FROM memberships WHERE user_name = \(user) AND source = \(source.rawValue)"
        )
        guard Set(try known.map { try $0.decode(String.self) }) != groups else { return false }
        return try await client.transaction { connection in
            // Logins of one user on two devices at once come one after the other.
            _ = try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended(\(user), 7004))")
            let before = try await Self.groups(of: user, over: connection)
            try await connection.execute(
                """
                DELETE FROM memberships
                WHERE user_name = \(user) AND source = \(source.rawValue) AND group_name <> ALL (\(Array(groups)))
                """
            )
            try await connection.execute(
                """
                INSERT INTO memberships (user_name, group_name, source)
                SELECT \(user), name, \(source.rawValue) FROM unnest(\(Array(groups))) AS name
                ON CONFLICT DO NOTHING
                """
            )
            let after = try await Self.groups(of: user, over: connection)
            try await Self.recordEvents(user: user, before: before, after: after, over: connection)
            return before != after
        }
    }

    private static func groups(of user: String, over connection: PostgresConnection) async throws -> Set<String> {
        let rows = try await connection.query(
            "SELECT DISTINCT group_name FROM memberships WHERE user_name = \(user)"
        )
        return Set(try rows.map { try $0.decode(String.self) })
    }

    private static func recordEvents(
        user: String,
        before: Set<String>,
        after: Set<String>,
        over connection: PostgresConnection
    ) async throws {
        let changed = Array(after.symmetricDifference(before))
        guard !changed.isEmpty else { return }
        // The counters are locked in one order, so that two of these do not wait for one another for ever.
        try await connection.execute(
            """
            WITH locked AS (
                SELECT database, seq FROM counters ORDER BY database FOR UPDATE
            ), advanced AS (
                UPDATE counters SET seq = counters.seq + \(Int64(changed.count))
                FROM locked WHERE counters.database = locked.database
                RETURNING counters.database, locked.seq AS base
            )
            INSERT INTO membership_events (database, seq, user_name, group_name, joined)
            SELECT database, base + place, \(user), name, joined
            FROM advanced CROSS JOIN unnest(\(changed), \(changed.map(after.contains)))
                WITH ORDINALITY AS changed (name, joined, place)
            """
        )
    }
}
