import CouchProtocol
package import DocumentStore
import Postgres
package import ViewRules

/// How many rows a view has for a caller, and how many of them stand in front of a stretch.
package struct ViewCounts: Sendable, Hashable {
    package var total = 0
    package var before = 0
}

extension ViewIndexes {
    /// The view's rows that the caller may read, and those in front of the range in reading order.
    ///
    /// An administrator's are known by the blocks. A user's are counted, which costs what the user may read.
    package func counts(
        of index: ViewIndex,
        place: Int,
        range: KeyRange,
        for caller: Caller
    ) async throws -> ViewCounts {
        let view = index.views[place]
        let before = range.isDescending ? range.after : range.before
        guard let feeds = DocumentStore.readableFeeds(of: caller, in: index.database) else {
            return try await count(view, before: before)
        }
        let condition = before?.condition ?? "false"
        let rows = try await store.client.query(
            """
            SELECT owner, groups::text, count(*), count(*) FILTER (WHERE is_before)
            FROM (
                SELECT DISTINCT entry.id, entry.position, entry.document, entry.is_before
                FROM (\(fragment: feeds)) AS feed CROSS JOIN LATERAL (
                    SELECT id, position, document, (\(fragment: condition)) AS is_before FROM view_rows
                    WHERE view = \(view) AND feed = feed.number OFFSET 0
                ) AS entry
            ) AS found
            CROSS JOIN LATERAL (
                SELECT owner, groups, deleted FROM documents WHERE documents.number = found.document LIMIT 1
            ) AS documents
            WHERE NOT deleted GROUP BY owner, groups
            """
        )
        let rules = AccessRules(index.database.settings)
        var counts = ViewCounts()
        for row in rows {
            let (owner, groups, total, before) = try row.decode(String?.self, String.self, Int64.self, Int64.self)
            guard rules.mayRead(try DocumentStore.tags(owner: owner, groups: groups), caller) else { continue }
            counts.total += Int(total)
            counts.before += Int(before)
        }
        return counts
    }

    private func count(_ view: Int64, before range: KeyRange?) async throws -> ViewCounts {
        guard let range else {
            let rows = try await store.client.query("SELECT rows FROM view_parts WHERE view = \(view)")
            return ViewCounts(total: Int(try rows.first?.decode(Int64.self) ?? 0))
        }
        // What is in front in reading order is behind in the order of keys when the range is read backwards: then it is
        // what is left when all else is taken away.
        let isBehind = range.lower != nil
        let front = isBehind ? KeyRange(lower: range.lower).before ?? KeyRange() : range
        let edge = front.upper.map { Array($0.key.prefix(StoredKey.headLength)) } ?? []
        let rows = try await store.client.query(
            """
            WITH edge AS (
                SELECT key, id, position FROM view_blocks WHERE view = \(view) AND key < \(edge)
                ORDER BY key DESC, id DESC, position DESC LIMIT 1
            )
            SELECT (SELECT rows FROM view_parts WHERE view = \(view)),
                (
                    SELECT coalesce(sum(block.rows), 0)::bigint FROM view_blocks AS block
                    WHERE view = \(view)
                        AND (key, id, position) < (SELECT key, id, position FROM edge)
                ),
                (
                    -- In order, which only the index by order gives: until there are statistics of the view, the
                    -- one by feed looks as good to the planner, and would be read from its first row on.
                    SELECT count(*) FROM (
                        SELECT FROM view_rows
                        WHERE view = \(view) AND NOT echo AND \(fragment: front.condition)
                            AND (key, id, position) >= (SELECT key, id, position FROM edge)
                        ORDER BY key, id, position OFFSET 0
                    ) AS rest
                )
            """
        )
        guard let row = rows.first else { return ViewCounts() }
        let (total, blocks, rest) = try row.decode(Int64?.self, Int64.self, Int64.self)
        let inFront = Int(blocks + rest)
        return ViewCounts(total: Int(total ?? 0), before: isBehind ? Int(total ?? 0) - inFront : inFront)
    }
}
