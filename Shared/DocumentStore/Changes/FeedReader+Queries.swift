import CouchProtocol
import JSON
import Postgres

extension FeedReader {
    /// The rows of the reader's feeds in a stretch of numbers, each once, in order.
    ///
    /// Each feed gives as many as are asked for from its index, and these are merged: 100 feeds are 100 look-ups, and
    /// what is not answered is not read.
    ///
    /// Of groups that the reader was in formerly, only what their readers lost is read.
    func page(
        since: Int,
        before: Int?,
        limit: Int,
        for caller: Caller,
        formerGroups: Set<ExactText>
    ) -> PostgresQuery {
        rows(
            of: """
                SELECT entry.seq, entry.document, bool_or(entry.present) AS present, bool_or(entry.lossy) AS lossy
                FROM (\(fragment: feeds(of: caller, formerGroups))) AS feed CROSS JOIN LATERAL (
                    SELECT seq, document, present AND feed.is_own AS present, lossy FROM feed_entries
                    WHERE feed_entries.feed = feed.number
                        AND seq > \(Int64(since)) AND seq < \(Int64(before ?? .max)) AND seq > 0
                        AND (present AND feed.is_own OR lossy)
                    ORDER BY seq LIMIT \(Int64(limit))
                ) AS entry
                GROUP BY entry.seq, entry.document ORDER BY entry.seq LIMIT \(Int64(limit))
                """,
            for: caller
        )
    }

    /// The rows of entries, in order, with their documents.
    ///
    /// An entry whose document was purged since is a row all the same: a page with fewer rows than asked for means that
    /// there are no more, or that the histories of these are as much as may be in memory.
    private func rows(of entries: PostgresQuery, for caller: Caller) -> PostgresQuery {
        """
        SELECT seq, document, id, rev, deleted, present, lossy, leaves, losses, tree
        FROM (
            SELECT *, sum(octet_length(tree)) OVER (
                ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before
            FROM (
                SELECT merged.seq, merged.document, documents.id, documents.rev, documents.deleted, merged.present,
                    merged.lossy, documents.leaves, own.losses,
                    -- Where the columns do not say all.
                    CASE WHEN documents.leaves > 1 OR NOT merged.present OR merged.lossy OR own.losses IS NOT NULL
                        THEN documents.tree END AS tree
                FROM (\(fragment: entries)) AS merged
                LEFT JOIN LATERAL (
                    SELECT * FROM documents WHERE documents.number = merged.document LIMIT 1
                ) AS documents ON true
                CROSS JOIN LATERAL (
                    -- OFFSET keeps it from being looked up wherever it is named.
                    SELECT \(fragment: DocumentStore.ownLosses(of: caller, in: database, "merged.document")) AS losses
                    OFFSET 0
                ) AS own
            ) AS page
        ) AS page
        WHERE coalesce(before, 0) < \(PageMemory.histories) ORDER BY seq
        """
    }

    /// The numbers of the reader's feeds, and of those of former groups.
    private func feeds(of caller: Caller, _ formerGroups: Set<ExactText>) -> PostgresQuery {
        let own = FeedRegistry.numbers(ofExisting: caller.readFeeds ?? [], in: database)
        guard !formerGroups.isEmpty else {
            return "SELECT number, true AS is_own FROM (\(fragment: own)) AS own"
        }
        let former = FeedRegistry.numbers(ofExisting: Set(formerGroups.map { Feed.group($0.text) }), in: database)
        return """
            SELECT number, true AS is_own FROM (\(fragment: own)) AS own
            UNION ALL SELECT number, false FROM (\(fragment: former)) AS former
            """
    }

    /// The documents of a group in a stretch of numbers, in order.
    func backFill(_ group: String, since: Int, through: Int, limit: Int, for caller: Caller) -> PostgresQuery {
        let feeds = FeedRegistry.numbers(ofExisting: [.group(group)], in: database)
        return rows(
            of: """
                SELECT seq, document, present, lossy FROM feed_entries
                WHERE feed = (SELECT number FROM (\(fragment: feeds)) AS feed)
                    AND seq > \(Int64(since)) AND seq <= \(Int64(through)) AND seq > 0 AND present
                ORDER BY seq LIMIT \(Int64(limit))
                """,
            for: caller
        )
    }

    /// What the readers of the reader's feeds lost of the documents of these rows, by document.
    func losses(
        of rows: [FeedRow],
        for caller: Caller,
        _ history: MembershipHistory
    ) async throws -> [Int64: [FeedLoss]] {
        let documents = rows.filter(\.isLossy).map(\.document)
        guard !documents.isEmpty else { return [:] }
        let found = try await store.client.query(
            """
            SELECT entry.document, feeds.kind, feeds.name, entry.losses
            FROM (\(fragment: feeds(of: caller, history.formerGroups))) AS feed
            CROSS JOIN unnest(\(documents)) AS asked (document)
            CROSS JOIN LATERAL (
                SELECT * FROM feed_entries
                WHERE feed_entries.feed = feed.number AND feed_entries.document = asked.document AND lossy LIMIT 1
            ) AS entry
            JOIN feeds ON feeds.id = feed.number
            """
        )
        var losses: [Int64: [FeedLoss]] = [:]
        for row in found {
            let (document, kind, name, column) =
                try row.decode(Int64.self, String.self, String.self, [[UInt8]]?.self)
            let feed = Feed(kind: kind, name: name)
            losses[document, default: []] += try Loss.all(column).map { FeedLoss(feed: feed, loss: $0) }
        }
        return losses
    }
}

/// A row of a user's feed, as it comes from PostgreSQL.
struct FeedRow: Sendable {
    /// What the row's document is like.
    struct Content: Sendable {
        let id: DocumentID
        let winner: RevisionID
        let isDeleted: Bool
        /// The history, where the columns do not say all.
        let tree: [UInt8]?
    }

    let seq: Int
    let document: Int64
    /// Nil when the document was purged.
    let content: Content?
    /// Whether the document is in one of the reader's feeds.
    let isPresent: Bool
    /// Whether the readers of one of these feeds lost something of it.
    let isLossy: Bool
    /// What the reader lost by leaving groups.
    let ownLosses: [[UInt8]]?

    /// The row of a query of the reader's rows.
    init(_ row: PostgresRow) throws {
        // One by one: this is done for every row of every feed, and values of different types at once cost more.
        seq = Int(try row.decode(Int64.self, at: 0))
        document = try row.decode(Int64.self, at: 1)
        isPresent = try row.decode(Bool.self, at: 5)
        isLossy = try row.decode(Bool.self, at: 6)
        ownLosses = try row.isNull(8) ? nil : try row.decode([[UInt8]].self, at: 8)
        guard try !row.isNull(7) else {
            content = nil
            return
        }
        content = Content(
            id: DocumentID(stored: try row.decode(String.self, at: 2)),
            winner: try row.revision(at: 3),
            isDeleted: try row.decode(Bool.self, at: 4),
            tree: try row.bytes(9)
        )
    }
}

/// Something that the readers of a feed lost.
struct FeedLoss: Sendable {
    let feed: Feed
    let loss: Loss
}
