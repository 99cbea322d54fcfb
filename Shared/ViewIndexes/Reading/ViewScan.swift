import CouchProtocol
package import DocumentStore
import Postgres
package import ViewRules

/// Reads the rows of a stretch that a caller may read, in order, some at a time.
///
/// An administrator's are read from the order of all rows. Everybody else's are read feed by feed and merged, so that
/// they cost what the reader may read. Whether a row may be read is then decided by the tags that its document has now:
/// an index that is behind shows nothing of what was taken from the caller, nor, as the row's feeds are those of what
/// was mapped, anything of a revision that the caller could not read.
package struct ViewScan: RangeScan {
    private let view: Int64
    private let database: Database
    private let caller: Caller
    private let range: KeyRange
    private let rules: AccessRules
    /// How many bytes of rows are read at once; nil where their number is enough to ask for.
    private let bytes: Int?
    /// The last row that was read.
    private var last: RowPlace?
    private var isAtEnd = false

    /// How many rows may have keys that differ only behind what an index takes of them; they are sorted in memory.
    private static let runLimit = 100_000

    package init(_ index: ViewIndex, place: Int, range: KeyRange, caller: Caller, size: PageSize? = nil) {
        self.init(view: index.views[place], database: index.database, range: range, caller: caller, size: size)
    }

    init(view: Int64, database: Database, range: KeyRange, caller: Caller, size: PageSize? = nil) {
        self.view = view
        self.database = database
        self.range = range
        self.caller = caller
        bytes = size?.bytes
        rules = AccessRules(database.settings)
    }

    package mutating func next(_ count: Int, in indexes: ViewIndexes) async throws -> [ViewRow] {
        try await next(count, from: indexes.store.client)
    }

    /// The next rows; none at the end.
    ///
    /// There may be more or fewer than `count`.
    package mutating func next(_ count: Int, from source: some RowSource) async throws -> [ViewRow] {
        while !isAtEnd {
            var (rows, isInRun) = try await read(count, from: source)
            // Rows whose keys are cut are put in order when all with the same beginning are here.
            while isInRun, !isAtEnd {
                let more = try await read(count, from: source)
                rows += more.rows
                isInRun = more.isInRun
                guard rows.count <= Self.runLimit else {
                    throw CouchError(status: 500, error: "key_too_long", reason: Self.runReason)
                }
            }
            let found = inOrder(rows)
            if !found.isEmpty { return found }
        }
        return []
    }

    private static let runReason = """
        More than \(runLimit) rows of the view have keys that differ only behind their first \(StoredKey.headLength) \
        bytes. Emit shorter keys.
        """

    /// A page of readable rows, and whether its last row's key is cut.
    private mutating func read(
        _ count: Int,
        from source: some RowSource
    ) async throws -> (rows: [ViewRow], isInRun: Bool) {
        let found = try await source.rows(query(count))
        if bytes == nil ? found.count < count : found.isEmpty { isAtEnd = true }
        var rows: [ViewRow] = []
        rows.reserveCapacity(found.count)
        var newest: ViewRow?
        for row in found {
            let viewRow = try ViewRow(row)
            newest = viewRow
            if try isReadable(row) { rows.append(viewRow) }
        }
        if let newest { last = newest.place }
        return (rows, newest?.isCut ?? false)
    }

    private func isReadable(_ row: PostgresRow) throws -> Bool {
        guard caller.feeds != nil else { return true }
        let columns = ViewRow.columnCount
        guard try !row.isNull(columns + 1), try !row.decode(Bool.self, at: columns + 2) else { return false }
        let tags = try DocumentStore.tags(
            owner: try row.decode(String?.self, at: columns),
            groups: try row.decode(String.self, at: columns + 1)
        )
        return rules.mayRead(tags, caller)
    }

    /// The rows that are in the range, by their whole keys.
    private func inOrder(_ rows: [ViewRow]) -> [ViewRow] {
        guard hasCutBound || rows.contains(where: \.isCut) else { return rows }
        let found = rows.filter { range.contains($0.order, id: $0.id) }
        let sorted = found.sorted { left, right in
            let (first, second) = range.isDescending ? (right, left) : (left, right)
            if first.order != second.order { return first.order.lexicographicallyPrecedes(second.order) }
            return first.place < second.place
        }
        return sorted
    }

    private var hasCutBound: Bool {
        [range.lower, range.upper].contains { $0.map { $0.key.count > StoredKey.headLength } ?? false }
    }
}

extension ViewScan {
    private func query(_ count: Int) -> PostgresQuery {
        var condition = range.condition
        if let last {
            let sign = range.isDescending ? "<" : ">"
            let place: PostgresQuery = "(\(last.key), \(last.id), \(last.position))"
            condition.append(" AND (key, id, position) \(unescaped: sign) \(fragment: place)")
        }
        let way = range.isDescending ? "DESC" : "ASC"
        let order = "key \(way), id \(way), position \(way)"
        let rows = query(count, condition, by: order)
        return bytes.map { .first(bytes: $0, of: rows, by: order) } ?? rows
    }

    private func query(_ count: Int, _ condition: PostgresQuery, by order: String) -> PostgresQuery {
        guard let feeds = DocumentStore.readableFeeds(of: caller, in: database) else {
            return """
                SELECT \(unescaped: ViewRow.columns) FROM view_rows
                WHERE view = \(view) AND NOT echo AND \(fragment: condition)
                ORDER BY \(unescaped: order) LIMIT \(Int64(count))
                """
        }
        return """
            SELECT \(unescaped: ViewRow.columns), owner, groups::text, deleted
            FROM (
                SELECT DISTINCT ON (key, id, position) \(unescaped: ViewRow.columns), document
                FROM (\(fragment: feeds)) AS feed CROSS JOIN LATERAL (
                    SELECT \(unescaped: ViewRow.columns), document FROM view_rows
                    WHERE view = \(view) AND feed = feed.number AND \(fragment: condition)
                    ORDER BY \(unescaped: order) LIMIT \(Int64(count))
                ) AS entry
                ORDER BY \(unescaped: order) LIMIT \(Int64(count))
            ) AS merged
            LEFT JOIN LATERAL (
                SELECT owner, groups, deleted FROM documents WHERE documents.number = merged.document LIMIT 1
            ) AS documents ON true
            ORDER BY \(unescaped: order)
            """
    }
}
