import Postgres

extension DocumentStore {
    /// Puts the user in the group, for that source.
    ///
    /// - Returns: Whether the source says something that it did not say before.
    package func addMember(_ user: String, to group: String, by source: MembershipSource) async throws -> Bool {
        let rows = try await client.query(
            "SELECT group_name FROM memberships WHERE user_name = \(user) AND source = \(source.rawValue)"
        )
        let groups = Set(try rows.map { try $0.decode(String.self) })
        guard !groups.contains(group) else { return false }
        _ = try await setGroups(groups.union([group]), of: user, by: source)
        return true
    }

    /// Takes the user out of the group; the administrator does so whoever says that the user is in it.
    ///
    /// - Returns: Whether the user was in it.
    package func removeMember(_ user: String, from group: String, by source: MembershipSource) async throws -> Bool {
        let rows = try await client.query(
            "SELECT group_name, source FROM memberships WHERE user_name = \(user)"
        )
        let all = try rows.map { try $0.decode(String.self, String.self) }
        var isMember = false
        for (name, said) in all where name == group && (source == .administrator || said == source.rawValue) {
            isMember = true
            guard let said = MembershipSource(rawValue: said) else { continue }
            let groups = Set(all.filter { $0.1 == said.rawValue && $0.0 != group }.map(\.0))
            _ = try await setGroups(groups, of: user, by: said)
        }
        return isMember
    }

    /// The groups that somebody is in.
    package func groupNames() async throws -> [String] {
        try await client.query("SELECT DISTINCT group_name FROM memberships ORDER BY 1").map {
            try $0.decode(String.self)
        }
    }

    /// Who is in the group.
    package func members(of group: String) async throws -> [String] {
        try await client.query(
            "SELECT DISTINCT user_name FROM memberships WHERE group_name = \(group) ORDER BY 1"
        ).map { try $0.decode(String.self) }
    }
}
