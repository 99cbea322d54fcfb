import CouchProtocol
import Postgres

extension DocumentStore {
    /// How many changes the caller's feed has behind a place; nil when it cannot be told without reading them.
    ///
    /// It is counted from the index alone. For those who read all it is the documents that the counters know of, less
    /// those in front of the place, where these are fewer.
    package func pending(in database: Database, since place: FeedPosition, for caller: Caller) async throws -> Int? {
        guard caller.feeds != nil else { return try await pendingOfAll(in: database, since: place.number) }
        if let count = try await pendingCount(in: database, since: place, for: caller) { return count }
        return try await pendingRead(in: database, since: place, for: caller)
    }

    private func pendingOfAll(in database: Database, since number: Int) async throws -> Int {
        let info = try await info(database)
        guard number > 0 else { return info.documents + info.deleted }
        guard number < info.updateSeq / 2 else {
            return try await count("documents WHERE database = \(database.id) AND seq > \(Int64(number)) AND seq > 0")
        }
        // Both of one moment, or a document that changes in between counts twice or never.
        let rows = try await client.query(
            """
            SELECT live + deleted - (
                SELECT count(*) FROM documents
                WHERE documents.database = \(database.id) AND seq <= \(Int64(number)) AND seq > 0
            ) FROM counters WHERE database = \(database.id)
            """
        )
        guard let row = rows.first else { throw CouchError.noDatabase }
        return Int(try row.decode(Int64.self, at: 0))
    }

    private func count(_ source: PostgresQuery) async throws -> Int {
        let rows = try await client.query("SELECT count(*) FROM \(fragment: source)")
        return Int(try rows.first?.decode(Int64.self, at: 0) ?? 0)
    }

    /// The number of a user's entries, when each of them is a row: when no loss among them concerns the user, and no
    /// group was joined whose older documents are still to come.
    ///
    /// (``FeedEvaluation`` and ``FeedReader`` say when that is so.)
    private func pendingCount(in database: Database, since place: FeedPosition, for caller: Caller) async throws -> Int?
    {
        guard place.inner == nil, var feeds = caller.feeds else { return nil }
        let name: String? = if case .user(let name, _) = caller { name } else { nil }
        if let name { feeds.insert(.revoked(name)) }
        let walk = place.walk ?? FeedPosition.Walk(base: place.base, end: .max)
        // Who set out with nothing can have lost, and can lack, only what came after that.
        let settled = Int64(walk.base > 0 ? 0 : walk.end)
        let rows = try await client.query(
            """
            SELECT count(DISTINCT seq) FILTER (WHERE present), coalesce(bool_or(lossy AND seq > \(settled)), false),
                EXISTS (
                    SELECT FROM membership_events WHERE database = \(database.id) AND user_name = \(name ?? "")
                        AND seq > \(max(Int64(place.number), settled))
                )
            FROM (\(fragment: FeedRegistry.numbers(ofExisting: feeds, in: database))) AS feed
            JOIN feed_entries ON feed_entries.feed = feed.number AND seq > \(Int64(place.number)) AND seq > 0
            """
        )
        guard let row = rows.first else { return 0 }
        let (count, hasLosses, hasJoined) = try row.decode(Int64.self, Bool.self, Bool.self)
        return hasLosses || hasJoined ? nil : Int(count)
    }

    /// How many rows are read at most to count them.
    private static let pendingLimit = 20_000

    private func pendingRead(in database: Database, since place: FeedPosition, for caller: Caller) async throws -> Int?
    {
        var place = place
        var count = 0
        while count < Self.pendingLimit {
            let page = try await changes(in: database, since: place, limit: 1_000, allLeaves: false, for: caller)
            count += page.changes.count
            guard page.hasMore else { return count }
            place = page.end
        }
        return nil
    }
}
