import Postgres

extension ControlStore {
    /// Says that a process is there and which groups it belongs to, and asks who belongs to them.
    ///
    /// A membership is a lease of its own, which only its holder can have. Those that the process had in other groups
    /// end at once.
    ///
    /// - Parameters:
    ///   - groups: The groups' names.
    ///   - member: Names the process among all.
    ///   - duration: How long it counts as there when it does not say so again.
    /// - Returns: The members of each of the groups, this process among them.
    package func join(
        _ groups: [String],
        as member: String,
        for duration: Duration
    ) async throws -> [String: Set<String>] {
        let names = groups.map { Self.membership(of: member, in: $0) }
        let rows = try await client.query(
            """
            WITH left_behind AS (
                DELETE FROM leases
                WHERE name LIKE 'member/%' AND (
                    holder = \(member) AND name <> ALL (\(names)) OR until < now() - interval '1 hour'
                )
            ), joined AS (
                INSERT INTO leases AS held (name, holder, token, until)
                SELECT name, \(member), 1, now() + \(duration.seconds) * interval '1 second'
                FROM unnest(\(names)) AS asked (name)
                -- Not at each call, of which there are several in that time.
                WHERE NOT EXISTS (
                    SELECT FROM leases AS held
                    WHERE held.name = asked.name
                        AND held.until > now() + 0.7 * \(duration.seconds) * interval '1 second'
                )
                ON CONFLICT (name) DO UPDATE SET until = excluded.until
            )
            SELECT name, holder FROM leases WHERE name LIKE 'member/%' AND until >= now()
            """
        )
        // What this statement wrote it does not see.
        var members = Dictionary(groups.map { ($0, [member] as Set) }, uniquingKeysWith: { $1 })
        for row in rows {
            let (name, other) = try row.decode(String.self, String.self)
            members[String(name.dropFirst(Self.prefix.count).dropLast(other.count + 1))]?.insert(other)
        }
        return members
    }

    /// Ends a process's memberships, so that others need not wait for their end.
    package func leave(as member: String) async throws {
        try await client.execute("DELETE FROM leases WHERE name LIKE 'member/%' AND holder = \(member)")
    }

    private static let prefix = "member/"

    private static func membership(of member: String, in group: String) -> String { "\(prefix)\(group)/\(member)" }
}
