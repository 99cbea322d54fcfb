import Collation
import Postgres
import ViewRules

/// A stretch of neighbouring rows with what is known of it.
struct ViewBlock: Sendable {
    let place: RowPlace
    let rows: Int
    let version: Int64
    let firstKey: [UInt8]?
    let lastKey: [UInt8]?
    let firstJSON: [UInt8]?
    /// Nil when the rows have changed since.
    let reduction: Reduction?

    static let columns =
        "key, id, position, rows, version, first_key, last_key, first_json, reduction"

    init(_ row: PostgresRow, _ kind: Reducer.Kind?) throws {
        let (key, id, position, rows, version, firstKey, lastKey, firstJSON, reduction) = try row.decode(
            [UInt8].self,
            String.self,
            Int32.self,
            Int64.self,
            Int64.self,
            [UInt8]?.self,
            [UInt8]?.self,
            [UInt8]?.self,
            [UInt8]?.self
        )
        place = RowPlace(key: key, id: id, position: position)
        self.rows = Int(rows)
        self.version = version
        self.firstKey = firstKey
        self.lastKey = lastKey
        self.firstJSON = firstJSON
        self.reduction = try kind.flatMap { kind in try reduction.map { try Reduction($0, by: kind.builtIn) } }
    }

    /// The reduction, when all rows of the block are in the range and in one group.
    func usable(in range: KeyRange, _ grouping: Grouping, _ order: CollationKey.Order) -> Reduction? {
        guard let reduction, let firstKey, let lastKey, rows > 0 else { return nil }
        // Where the range ends within the rows of a key, the ids decide, which the block does not know.
        if let lower = range.lower {
            guard lower.key.lexicographicallyPrecedes(firstKey) || lower.isWhole && lower.key == firstKey else {
                return nil
            }
        }
        if let upper = range.upper {
            guard lastKey.lexicographicallyPrecedes(upper.key) || upper.isWhole && upper.key == lastKey else {
                return nil
            }
        }
        guard grouping != .none, firstKey != lastKey else { return reduction }
        let prefix = grouping.prefix(of: firstKey, order)
        return prefix.count < firstKey.count && lastKey.starts(with: prefix) ? reduction : nil
    }
}

extension KeyBound {
    /// Whether all rows of its key are within.
    fileprivate var isWhole: Bool { isIncluded && id == nil }
}

/// Reads the blocks of a view that a range touches, in reading order.
struct BlockReader: Sendable {
    let view: Int64
    let range: KeyRange
    let kind: Reducer.Kind?
    private var last: RowPlace?
    private var isAtEnd = false

    private static let pageSize = 1_000

    init(view: Int64, range: KeyRange, kind: Reducer.Kind?) {
        self.view = view
        self.range = range
        self.kind = kind
    }

    /// The condition that leaves the blocks which the range touches.
    static func condition(_ view: Int64, _ range: KeyRange) -> PostgresQuery {
        var condition: PostgresQuery = "view = \(view)"
        if let lower = range.lower {
            let key = Array(lower.key.prefix(StoredKey.headLength))
            // From the block in which the first row of that key may be.
            let edge: PostgresQuery = """
                 AND (key, id, position) >= (
                    SELECT edge.key, edge.id, edge.position FROM view_blocks AS edge
                    WHERE edge.view = \(view) AND edge.key < \(key)
                    ORDER BY edge.key DESC, edge.id DESC, edge.position DESC LIMIT 1
                )
                """
            condition.append(edge)
        }
        if let upper = range.upper {
            let end: PostgresQuery = " AND key <= \(Array(upper.key.prefix(StoredKey.headLength)))"
            condition.append(end)
        }
        return condition
    }

    mutating func next(from connection: some RowSource) async throws -> [ViewBlock] {
        guard !isAtEnd else { return [] }
        var condition = Self.condition(view, range)
        if let last {
            let sign = range.isDescending ? "<" : ">"
            condition.append(" AND (key, id, position) \(unescaped: sign) (\(last.key), \(last.id), \(last.position))")
        }
        let way = range.isDescending ? "DESC" : "ASC"
        let found = try await connection.rows(
            """
            SELECT \(unescaped: ViewBlock.columns) FROM view_blocks WHERE \(fragment: condition)
            ORDER BY key \(unescaped: way), id \(unescaped: way), position \(unescaped: way)
            LIMIT \(Int64(Self.pageSize))
            """
        )
        if found.count < Self.pageSize { isAtEnd = true }
        let blocks = try found.map { try ViewBlock($0, kind) }
        last = blocks.last?.place ?? last
        return blocks
    }

    /// The rows of each of the blocks, in the order of keys; at most `limit` of each, and of the last ones none where
    /// those before have `bytes`.
    static func rows(
        of blocks: [ViewBlock],
        _ view: Int64,
        limit: Int = .max,
        bytes: Int? = nil,
        from connection: some RowSource
    ) async throws -> [[ViewRow]] {
        // As many as the block has, from where it begins, are its rows.
        let query: PostgresQuery = """
            SELECT \(unescaped: ViewRow.columns), asked.number
            FROM unnest(
                \(blocks.map(\.place.key)), \(blocks.map(\.place.id)), \(blocks.map(\.place.position)),
                \(blocks.map { Int64(min($0.rows, limit)) })
            ) WITH ORDINALITY AS asked (first_key, first_id, first_position, count, number)
            CROSS JOIN LATERAL (
                SELECT \(unescaped: ViewRow.columns) FROM view_rows
                WHERE view = \(view) AND NOT echo AND (key, id, position) >= (first_key, first_id, first_position)
                ORDER BY key, id, position LIMIT count
            ) AS entry
            """
        let found = try await connection.rows(
            bytes.map { .first(bytes: $0, of: query, by: "number, key, id, position") } ?? query
        )
        var rows = [[ViewRow]](repeating: [], count: blocks.count)
        for row in found {
            let place = Int(try row.decode(Int64.self, at: ViewRow.columnCount)) - 1
            rows[place].append(try ViewRow(row))
        }
        return rows.map { rows in
            rows.contains(where: \.isCut)
                ? rows.sorted { ($0.order, $0.place) < ($1.order, $1.place) } : rows.sorted { $0.place < $1.place }
        }
    }
}

private func < (lhs: ([UInt8], RowPlace), rhs: ([UInt8], RowPlace)) -> Bool {
    lhs.0 == rhs.0 ? lhs.1 < rhs.1 : lhs.0.lexicographicallyPrecedes(rhs.0)
}
