package import JSON
package import Postgres

/// Who says that a user is in a group.
package enum MembershipSource: String, Sendable, CaseIterable {
    case administrator
    case login
    case sequence
}

/// What is committed with a change of memberships, in its transaction: told whether the user's groups become others,
/// and undoes the change by an error.
package typealias MembershipCompanion =
    @Sendable (_ isChanged: Bool, _ connection: PostgresConnection) async throws -> Void

extension DocumentStore {
    /// The groups that the user is in, whoever says so.
    package func groups(of user: String) async throws -> Set<ExactText> {
        let rows = try await client.query(Self.groupsQuery(of: user))
        return Set(try rows.map { ExactText(try $0.decode(String.self)) })
    }

    /// The users who are in the group, in order.
    package func members(of group: String) async throws -> [String] {
        try await client.query(
            "SELECT DISTINCT user_name FROM memberships WHERE group_name = \(group) ORDER BY user_name"
        )
        .map { try $0.decode(String.self) }
    }

    /// The names of all groups that somebody is in, in order.
    package func groupNames() async throws -> [String] {
        try await client.query("SELECT DISTINCT group_name FROM memberships ORDER BY group_name")
            .map { try $0.decode(String.self) }
    }

    /// A name and how many it goes with.
    package struct Count: Sendable, Hashable {
        package let name: String
        package let count: Int
    }

    /// The groups whose names come after that one, in order, each with the number of its users.
    package func groupCounts(after name: String?, limit: Int) async throws -> [Count] {
        try await counts(
            """
            SELECT group_name, count(DISTINCT user_name) FROM memberships WHERE group_name > \(name ?? "")
            GROUP BY group_name ORDER BY group_name LIMIT \(Int64(limit))
            """
        )
    }

    /// The users in groups whose names come after that one, in order, each with the number of groups.
    package func userCounts(after name: String?, limit: Int) async throws -> [Count] {
        try await counts(
            """
            SELECT user_name, count(DISTINCT group_name) FROM memberships WHERE user_name > \(name ?? "")
            GROUP BY user_name ORDER BY user_name LIMIT \(Int64(limit))
            """
        )
    }

    private func counts(_ query: PostgresQuery) async throws -> [Count] {
        try await client.query(query).map { row in
            let (name, count) = try row.decode(String.self, Int64.self)
            return Count(name: name, count: Int(count))
        }
    }

    /// Puts the user into a group.
    ///
    /// - Returns: Whether the user was not in it before.
    @discardableResult
    package func addMember(
        _ user: String,
        to group: String,
        by source: MembershipSource,
        with companion: @escaping MembershipCompanion = { _, _ in }
    ) async throws -> Bool {
        try await changeMemberships(of: user, companion) { connection in
            try await connection.execute(
                """
                INSERT INTO memberships (user_name, group_name, source)
                VALUES (\(user), \(group), \(source.rawValue)) ON CONFLICT DO NOTHING
                """
            )
        }
    }

    /// Takes the user out of a group; an administrator does so whoever else says that the user is in it.
    ///
    /// - Returns: Whether the user is not in it any more, and was before.
    @discardableResult
    package func removeMember(
        _ user: String,
        from group: String,
        by source: MembershipSource,
        with companion: @escaping MembershipCompanion = { _, _ in }
    ) async throws -> Bool {
        let sources = source == .administrator ? MembershipSource.allCases : [source]
        return try await changeMemberships(of: user, companion) { connection in
            try await connection.execute(
                """
                DELETE FROM memberships
                WHERE user_name = \(user) AND group_name = \(group) AND source = ANY(\(sources.map(\.rawValue)))
                """
            )
        }
    }

    /// Makes these the groups that `source` says the user is in; what other sources say stays.
    ///
    /// - Returns: Whether the user's groups are others than before.
    @discardableResult
    package func setGroups(
        _ groups: Set<ExactText>,
        of user: String,
        by source: MembershipSource,
        with companion: @escaping MembershipCompanion = { _, _ in }
    ) async throws -> Bool {
        let known = try await client.query(
            "SELECT group_name FROM memberships WHERE user_name = \(user) AND source = \(source.rawValue)"
        )
        guard Set(try known.map { ExactText(try $0.decode(String.self)) }) != groups else { return false }
        let names = groups.sortedTexts
        return try await changeMemberships(of: user, companion) { connection in
            try await connection.execute(
                """
                DELETE FROM memberships
                WHERE user_name = \(user) AND source = \(source.rawValue) AND group_name <> ALL (\(names))
                """
            )
            try await connection.execute(
                """
                INSERT INTO memberships (user_name, group_name, source)
                SELECT \(user), name, \(source.rawValue) FROM unnest(\(names)) AS name
                ON CONFLICT DO NOTHING
                """
            )
        }
    }

    /// Changes the memberships of a user, and tells the user's devices by the order of changes of every database.
    private func changeMemberships(
        of user: String,
        _ companion: MembershipCompanion,
        _ change: @Sendable (PostgresConnection) async throws -> Void
    ) async throws -> Bool {
        while true {
            let isChanged = try await beginMembershipChange(of: user, companion, change)
            _ = try await finishDepartures(of: user)
            if let isChanged { return isChanged }
        }
    }

    /// Changes the memberships of a user; what the user loses by it is still to be noted.
    ///
    /// - Returns: Whether they are others than before; nil when an earlier change is not finished yet, and nothing was
    ///   done.
    func beginMembershipChange(
        of user: String,
        _ companion: MembershipCompanion = { _, _ in },
        _ change: @Sendable (PostgresConnection) async throws -> Void
    ) async throws -> Bool? {
        try await client.transaction { connection in
            // Changes for one user on two devices at once come one after the other.
            _ = try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended(\(user), 7004))")
            let unfinished = try await connection.query("SELECT FROM departures WHERE user_name = \(user) LIMIT 1")
            guard unfinished.isEmpty else { return nil }
            let before = try await Self.groups(of: user, over: connection)
            try await change(connection)
            let after = try await Self.groups(of: user, over: connection)
            try await companion(before != after, connection)
            guard before != after else { return false }
            let change = MembershipChange(user: user, before: before, after: after)
            try await change.record(over: connection)
            return true
        }
    }

    /// The query of the groups that the user is in.
    static func groupsQuery(of user: String) -> PostgresQuery {
        "SELECT DISTINCT group_name FROM memberships WHERE user_name = \(user)"
    }

    private static func groups(of user: String, over connection: PostgresConnection) async throws -> Set<ExactText> {
        Set(try await connection.query(groupsQuery(of: user)).map { ExactText(try $0.decode(String.self)) })
    }
}
