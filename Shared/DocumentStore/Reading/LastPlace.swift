import CouchProtocol
import Postgres

extension DocumentStore {
    /// The number of the last change that is in the caller's own feed: what others write does not move it.
    package func lastPlace(in database: Database, for caller: Caller) async throws -> Int {
        guard let feeds = caller.feeds else { return try await info(database).updateSeq }
        var user: String?
        if case .user(let name, _) = caller { user = name }
        let rows = try await client.query(
            """
            SELECT greatest(
                (
                    SELECT max(entry.seq)
                    FROM (\(fragment: FeedRegistry.numbers(ofExisting: feeds, in: database))) AS feed
                    CROSS JOIN LATERAL (
                        SELECT seq FROM feed_entries WHERE feed_entries.feed = feed.number AND seq > 0
                        ORDER BY seq DESC LIMIT 1
                    ) AS entry
                ),
                (
                    SELECT seq FROM membership_events
                    WHERE membership_events.database = \(database.id) AND user_name = \(user)
                    ORDER BY seq DESC LIMIT 1
                ),
                0
            )
            """
        )
        return Int(try rows.first?.decode(Int64.self, at: 0) ?? 0)
    }
}
