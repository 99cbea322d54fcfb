import CouchProtocol
import JSON
import Postgres

/// A user's leaving of a group, as far as what the user lost by it in a database is to be noted.
///
/// Each document of the group's feed that the user cannot read any more is noted in a feed of the user's own, with what
/// the user's devices hold of it, because that may be gone from its history when they ask. This goes on in steps, each
/// with a commit of its own, so that nobody waits for all of it; who changes the user's groups again, and a device that
/// has not passed the event, finish it first, whoever began. What is changed on the way is changed while the user
/// leaves: its last state in the group is what is noted.
struct Departure: Sendable {
    let user: String
    let database: Int32
    let feed: Int64
    /// The number of the event.
    let seq: Int
    /// The number of the last document that there was then.
    let lastDocument: Int64
    /// The document up to which the feed has been looked at.
    let place: Int64
    /// The user's groups before and after it.
    let before: Set<ExactText>
    let after: Set<ExactText>

    /// How many documents are looked at while the database's counter is locked.
    static let stretch = 500

    /// Something that is lost of a document.
    private typealias Lost = (document: Int64, leaves: [RevisionPath])

    // MARK: - A step

    /// Notes the losses of the next stretch, behind the database's last change.
    ///
    /// - Returns: Whether there is more.
    func proceed(over connection: PostgresConnection) async throws -> Bool {
        let counters = try await connection.query("SELECT seq FROM counters WHERE database = \(database) FOR UPDATE")
        // Without one the database is being deleted.
        guard let seq = try counters.first?.decode(Int64.self, at: 0) else { return false }
        // A document that two of the left groups have is looked at twice, and lost once: then it is lost already.
        let rows = try await connection.query(
            """
            SELECT number, tree, entry.losses, own.losses, entry.present
            FROM (
                SELECT document, present, losses FROM feed_entries
                WHERE feed = \(feed) AND document > \(place) AND document <= \(lastDocument) AND (present OR lossy)
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
        try await insert(try rows.compactMap(loss), behind: seq, over: connection)
        guard let last = rows.last else { return false }
        let place = try last.decode(Int64.self, at: 0)
        try await connection.execute(
            """
            UPDATE departures SET place = \(place)
            WHERE user_name = \(user) AND database = \(database) AND feed = \(feed)
            """
        )
        return true
    }

    /// What the user loses of a document; nil when nothing.
    private func loss(_ row: PostgresRow) throws -> Lost? {
        let (document, bytes, shared, column, isPresent) =
            try row.decode(Int64.self, [UInt8].self, [[UInt8]]?.self, [[UInt8]]?.self, Bool.self)
        let tree = try RevisionTree<Tags>(decoding: bytes)
        let own = try Loss.all(column)
        // What this leaving has taken already is lost, and nothing that came back.
        let earlier = own.filter { $0.seq <= seq }
        let rules = AccessRules(DatabaseSettings())
        let now = rules.view(tree, for: .user(name: user, groups: after), losses: own)
        let kept = Set((now?.leaves ?? []).flatMap { leaf in now?.ancestry(of: leaf.id).map(\.id) ?? [] })
        let known = Set(own.flatMap(\.leaves).map(\.revision))
        var lost: [RevisionPath] = []
        if isPresent, let then = rules.view(tree, for: .user(name: user, groups: before), losses: earlier) {
            // The tombstones of earlier losses have no tags.
            lost = then.leaves.filter { $0.payload != nil }.compactMap { then.path(to: $0.id) }
        }
        // What a change took from the group since the event was the user's until then.
        for loss in try Loss.all(shared) where loss.seq > seq { lost += loss.leaves.map(earlier.shown) }
        var seen = kept.union(known)
        lost = lost.filter { seen.insert($0.revision).inserted }
        return lost.isEmpty ? nil : (document, lost)
    }

    private func insert(_ losses: [Lost], behind seq: Int64, over connection: PostgresConnection) async throws {
        guard !losses.isEmpty else { return }
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
        try await connection.execute(
            "UPDATE counters SET seq = \(seq + Int64(losses.count)) WHERE database = \(database)"
        )
    }
}

// MARK: - All steps

extension DocumentStore {
    /// Notes all that users have lost by leaving groups and that is not noted, because a process died on the way.
    package func finishDepartures() async throws {
        let rows = try await client.query("SELECT DISTINCT user_name FROM departures LIMIT 1000")
        for row in rows { _ = try await finishDepartures(of: try row.decode(String.self)) }
    }

    /// Notes all that the user has lost by leaving groups and that is not noted yet, in one database or in all.
    ///
    /// - Returns: Whether there was any.
    func finishDepartures(of user: String, in database: Database? = nil) async throws -> Bool {
        var wereAny = false
        while try await isDeparting(user, from: database) {
            wereAny = true
            try await client.transaction { connection in
                // Others may be at it, too: one step comes after the other.
                let rows = try await connection.query(
                    """
                    SELECT database, feed, seq, last_document, place, before, after FROM departures
                    WHERE user_name = \(user) AND (\(database == nil) OR database = \(database?.id ?? 0))
                    ORDER BY database, feed LIMIT 1 FOR UPDATE
                    """
                )
                guard let departure = try rows.first.map({ try Departure($0, of: user) }) else { return }
                guard try await !departure.proceed(over: connection) else { return }
                try await connection.execute(
                    """
                    DELETE FROM departures
                    WHERE user_name = \(user) AND database = \(departure.database) AND feed = \(departure.feed)
                    """
                )
            }
        }
        return wereAny
    }

    private func isDeparting(_ user: String, from database: Database?) async throws -> Bool {
        try await client.query(
            """
            SELECT FROM departures
            WHERE user_name = \(user) AND (\(database == nil) OR database = \(database?.id ?? 0)) LIMIT 1
            """
        ).first != nil
    }
}

extension Departure {
    fileprivate init(_ row: PostgresRow, of user: String) throws {
        self.user = user
        database = try row.decode(Int32.self, at: 0)
        feed = try row.decode(Int64.self, at: 1)
        seq = Int(try row.decode(Int64.self, at: 2))
        lastDocument = try row.decode(Int64.self, at: 3)
        place = try row.decode(Int64.self, at: 4)
        before = Set(try row.decode([String].self, at: 5).map { ExactText($0) })
        after = Set(try row.decode([String].self, at: 6).map { ExactText($0) })
    }
}
