import CouchProtocol
import Postgres

/// What a change of a user's groups is to the databases: an event in the order of changes of each, and a loss for each
/// document that the user cannot read any more.
///
/// Joining costs a row: what was there before is found when a device asks. Leaving costs a row for each lost document,
/// which notes what the user's devices hold of it, because that may be gone from its history when they ask.
struct MembershipChange: Sendable {
    let user: String
    let before: Set<String>
    let after: Set<String>

    /// How many documents are looked at at once.
    private static let stretch = 1_000

    private var joined: [String] { after.subtracting(before).sorted() }
    private var left: [String] { before.subtracting(after).sorted() }

    /// Records it in every database, within the transaction that changes the memberships.
    func record(over connection: PostgresConnection) async throws {
        // The counters are locked in one order, so that two of these do not wait for one another for ever. From here on
        // nothing is committed elsewhere: whoever reads the memberships of now finds these events, too.
        let databases = try await connection.query(
            """
            SELECT database, counters.seq, owner_member, groups_member FROM counters JOIN databases ON id = database
            ORDER BY database FOR UPDATE OF counters
            """
        )
        for row in databases {
            let (database, seq) = (try row.decode(Int32.self, at: 0), try row.decode(Int64.self, at: 1))
            try await record(in: database, behind: seq, over: connection)
        }
    }

    private func record(in database: Int32, behind seq: Int64, over connection: PostgresConnection) async throws {
        let events = joined + left
        try await connection.execute(
            """
            INSERT INTO membership_events (database, seq, user_name, group_name, joined)
            SELECT \(database), \(seq) + place, \(user), name, joined
            FROM unnest(\(events), \(events.map(after.contains))) WITH ORDINALITY AS changed (name, joined, place)
            """
        )
        var last = seq + Int64(events.count)
        let feeds = try await connection.query(
            """
            SELECT id FROM feeds WHERE database = \(database) AND kind = 'group' AND name = ANY(\(left))
            """
        )
        for feed in feeds {
            last = try await recordLosses(
                of: try feed.decode(Int64.self, at: 0),
                in: database,
                behind: last,
                over: connection
            )
        }
        try await connection.execute("UPDATE counters SET seq = \(last) WHERE database = \(database)")
    }

    /// Notes what the user loses with the documents of a feed.
    ///
    /// - Returns: The number of the last of these losses.
    private func recordLosses(
        of feed: Int64,
        in database: Int32,
        behind seq: Int64,
        over connection: PostgresConnection
    ) async throws -> Int64 {
        var seq = seq
        var place: Int64 = 0
        while true {
            // A document that two of the left groups have is looked at twice, and lost once: then it is lost already.
            let rows = try await connection.query(
                """
                SELECT number, tree, own.losses
                FROM (
                    SELECT document FROM feed_entries WHERE feed = \(feed) AND present AND document > \(place)
                    ORDER BY document LIMIT \(Int64(Self.stretch))
                ) AS entry
                CROSS JOIN LATERAL (
                    SELECT number, tree FROM documents WHERE number = entry.document LIMIT 1
                ) AS document
                LEFT JOIN LATERAL (
                    SELECT losses FROM feed_entries WHERE document = entry.document AND feed = (
                        SELECT id FROM feeds WHERE feeds.database = \(database) AND kind = 'revoked' AND name = \(user)
                    )
                ) AS own ON true
                ORDER BY number
                """
            )
            guard let lastRow = rows.last else { return seq }
            place = try lastRow.decode(Int64.self, at: 0)
            let losses = try rows.compactMap { try loss($0, behind: seq) }
            seq = try await insert(losses, in: database, behind: seq, over: connection)
        }
    }

    /// What the user loses of a document; nil when nothing.
    private func loss(_ row: PostgresRow, behind seq: Int64) throws -> (document: Int64, leaves: [RevisionPath])? {
        let (document, bytes, column) = try row.decode(Int64.self, [UInt8].self, [[UInt8]]?.self)
        let tree = try RevisionTree<Tags>(decoding: bytes)
        let own = try Loss.all(column)
        let rules = AccessRules(DatabaseSettings())
        let then = rules.view(tree, for: .user(name: user, groups: before), losses: own)
        let now = rules.view(tree, for: .user(name: user, groups: after), losses: own)
        let kept = Set((now?.leaves ?? []).flatMap { leaf in now?.ancestry(of: leaf.id).map(\.id) ?? [] })
        let known = Set(own.flatMap(\.leaves).map(\.revision))
        // The tombstones of earlier losses have no tags.
        let lost = (then?.leaves ?? [])
            .filter { $0.payload != nil && !kept.contains($0.id) && !known.contains($0.id) }
            .compactMap { then?.path(to: $0.id) }
        return lost.isEmpty ? nil : (document, lost)
    }

    private func insert(
        _ losses: [(document: Int64, leaves: [RevisionPath])],
        in database: Int32,
        behind seq: Int64,
        over connection: PostgresConnection
    ) async throws -> Int64 {
        guard !losses.isEmpty else { return seq }
        try await connection.execute(
            """
            INSERT INTO feeds (database, kind, name) VALUES (\(database), 'revoked', \(user)) ON CONFLICT DO NOTHING
            """
        )
        try await connection.execute(
            """
            INSERT INTO feed_entries AS old (feed, document, seq, present, lossy, losses)
            SELECT (SELECT id FROM feeds WHERE database = \(database) AND kind = 'revoked' AND name = \(user)),
                document, \(seq) + place, false, true, ARRAY[int8send(\(seq) + place) || leaves]
            FROM unnest(\(losses.map(\.document)), \(losses.map { Loss.encode($0.leaves) })) WITH ORDINALITY
                AS lost (document, leaves, place)
            ON CONFLICT (feed, document) DO UPDATE
            SET seq = excluded.seq, losses = (old.losses || excluded.losses)[greatest(cardinality(old.losses) - 18, 1):]
            """
        )
        return seq + Int64(losses.count)
    }
}
