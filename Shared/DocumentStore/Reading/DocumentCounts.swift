import CouchProtocol
import Postgres

/// How many documents a caller may read.
package struct DocumentCounts: Sendable, Hashable {
    package var live = 0
    package var deleted = 0

    package init(live: Int = 0, deleted: Int = 0) {
        self.live = live
        self.deleted = deleted
    }
}

extension DocumentStore {
    /// How many documents the caller may read, for all of whom but administrators through their feeds: it costs what
    /// they have, once until something of it changes, and tells nothing of what others have.
    package func counts(in database: Database, for caller: Caller) async throws -> DocumentCounts {
        let info = try await info(database)
        guard let feeds = caller.feeds else { return DocumentCounts(live: info.documents, deleted: info.deleted) }
        // Before they are counted: what is counted later than that is never taken for more than it is.
        let key = RecentCounts.Key(
            database: database.id,
            incarnation: database.incarnation,
            feeds: feeds,
            place: try await lastPlace(in: database, for: caller),
            purges: Int64(info.purgeSeq)
        )
        if let known = recentCounts[key] { return known }
        let counts = try await count(Self.source(for: caller, in: database), in: database, for: caller)
        recentCounts[key] = counts
        return counts
    }

    /// How many design documents the caller may read.
    package func designCount(in database: Database, for caller: Caller) async throws -> Int {
        var range = DocumentRange()
        range.onlyDesigns = true
        return try await liveCount(range, in: database, for: caller)
    }

    /// How many live documents that the caller may read stand in front of the range's first, in reading order.
    package func offset(
        of range: DocumentRange,
        in database: Database,
        for caller: Caller
    ) async throws -> Int {
        guard let before = range.before else { return 0 }
        return try await liveCount(before, in: database, for: caller)
    }

    private func liveCount(_ range: DocumentRange, in database: Database, for caller: Caller) async throws -> Int {
        let source = Self.source(for: caller, in: database)
        return try await count("\(fragment: source) AND \(fragment: range.condition)", in: database, for: caller).live
    }

    /// Counts the rows of a source; of documents with several leaves, what they are for the caller, some at a time.
    private func count(
        _ source: PostgresQuery,
        in database: Database,
        for caller: Caller
    ) async throws -> DocumentCounts {
        let rows = try await client.query(
            """
            SELECT count(*) FILTER (WHERE leaves = 1 AND NOT deleted), count(*) FILTER (WHERE leaves = 1 AND deleted),
                count(*) FILTER (WHERE leaves > 1)
            FROM \(fragment: source)
            """
        )
        guard let row = rows.first else { return DocumentCounts() }
        let (live, deleted, branched) = try row.decode(Int64.self, Int64.self, Int64.self)
        var counts = DocumentCounts(live: Int(live), deleted: Int(deleted))
        let rules = AccessRules(database.settings)
        var last: Int64? = branched > 0 ? 0 : nil
        while let number = last {
            let page = try await branchedDocuments(of: source, behind: number)
            last = page.last?.number
            for (_, tree) in page {
                guard let visible = rules.visible(tree, to: caller) else { continue }
                if visible.isDeleted { counts.deleted += 1 } else { counts.live += 1 }
            }
        }
        return counts
    }

    /// The next documents of a source with several leaves, by number, as many as have some megabytes together.
    private func branchedDocuments(
        of source: PostgresQuery,
        behind number: Int64
    ) async throws -> [(number: Int64, tree: RevisionTree<Tags>)] {
        let rows = try await client.query(
            """
            SELECT number, tree FROM (
                SELECT number, tree, sum(octet_length(tree))
                    OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM (
                    SELECT documents.number, documents.tree FROM \(fragment: source)
                        AND leaves > 1 AND documents.number > \(number)
                    ORDER BY documents.number LIMIT 1000
                ) AS page
            ) AS sized
            WHERE coalesce(before, 0) < \(Self.countedBytes) ORDER BY number
            """
        )
        return try rows.map { row in
            (try row.decode(Int64.self, at: 0), try RevisionTree<Tags>(decoding: try row.decode([UInt8].self, at: 1)))
        }
    }

    /// How many bytes of histories are counted at once, or one that has more.
    private static let countedBytes: Int64 = 4 << 20
}
