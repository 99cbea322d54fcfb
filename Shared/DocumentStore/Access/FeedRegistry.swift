import Postgres
import Synchronization

/// The numbers of the feeds, remembered: a feed's number never changes while its database lives.
final class FeedRegistry: Sendable {
    private struct Key: Hashable {
        let database: Int32
        let feed: Feed
    }

    /// More than this many remembered numbers are forgotten all at once; they are cheap to ask for again.
    private static let capacity = 200_000

    /// The query of the numbers (`number`) of those of the feeds that exist.
    ///
    /// A part of the statement that reads the feeds, never a statement before it: a feed that is made between the two
    /// would be left out, and what is in it skipped for ever.
    static func numbers(ofExisting feeds: Set<Feed>, in database: Database) -> PostgresQuery {
        let feeds = Array(feeds)
        return """
            SELECT found.id AS number FROM unnest(\(feeds.map(\.kind)), \(feeds.map(\.name))) AS asked (kind, name)
            CROSS JOIN LATERAL (
                SELECT id FROM feeds
                WHERE feeds.database = \(database.id) AND feeds.kind = asked.kind AND feeds.name = asked.name
                LIMIT 1
            ) AS found
            """
    }

    private let client: PostgresClient
    private let known = Mutex<[Key: Int64]>([:])

    init(_ client: PostgresClient) {
        self.client = client
    }

    /// The numbers of these feeds of a database, made where they are new.
    ///
    /// They are made in a transaction of their own, before the commit that needs them: a feed without documents harms
    /// nobody, and two commits that need the same new feed do not wait for one another.
    func numbers(of feeds: Set<Feed>, in database: Database) async throws -> [Feed: Int64] {
        var (found, missing) = lookUp(feeds, in: database)
        guard !missing.isEmpty else { return found }
        let made = try await client.query(
            """
            WITH asked AS (
                SELECT kind, name FROM unnest(\(missing.map(\.kind)), \(missing.map(\.name))) AS asked (kind, name)
            ), made AS (
                INSERT INTO feeds (database, kind, name)
                SELECT \(database.id), kind, name FROM asked ORDER BY kind, name
                ON CONFLICT DO NOTHING
                RETURNING id, kind, name
            )
            SELECT id, kind, name FROM made
            UNION
            SELECT id, kind, name FROM feeds JOIN asked USING (kind, name) WHERE database = \(database.id)
            """
        )
        try keep(made, in: database, &found)
        // Another process may have made one of them while this statement ran: it is seen by the next one.
        return found.count == feeds.count ? found : try await numbers(of: feeds, in: database)
    }

    /// The numbers of feeds of a database that the present transaction has made, which nobody else knows yet.
    func made(
        _ feeds: Set<Feed>,
        in database: Database,
        over connection: PostgresConnection
    ) async throws -> [Feed: Int64] {
        let feeds = Array(feeds)
        let rows = try await connection.query(
            """
            INSERT INTO feeds (database, kind, name)
            SELECT \(database.id), kind, name
            FROM unnest(\(feeds.map(\.kind)), \(feeds.map(\.name))) AS new (kind, name)
            RETURNING id, kind, name
            """
        )
        var numbers: [Feed: Int64] = [:]
        for row in rows {
            let (number, kind, name) = try row.decode(Int64.self, String.self, String.self)
            numbers[Feed(kind: kind, name: name)] = number
        }
        return numbers
    }

    private func lookUp(_ feeds: Set<Feed>, in database: Database) -> (found: [Feed: Int64], missing: [Feed]) {
        known.withLock { known in
            var found: [Feed: Int64] = [:]
            var missing: [Feed] = []
            for feed in feeds {
                if let number = known[Key(database: database.id, feed: feed)] {
                    found[feed] = number
                } else {
                    missing.append(feed)
                }
            }
            return (found, missing)
        }
    }

    private func keep(_ rows: PostgresRows, in database: Database, _ found: inout [Feed: Int64]) throws {
        for row in rows {
            let (number, kind, name) = try row.decode(Int64.self, String.self, String.self)
            let feed = Feed(kind: kind, name: name)
            found[feed] = number
        }
        known.withLock { [found] known in
            if known.count > Self.capacity { known.removeAll() }
            for (feed, number) in found { known[Key(database: database.id, feed: feed)] = number }
        }
    }
}
