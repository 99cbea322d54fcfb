import Collation
package import CouchProtocol
package import DocumentStore
import Postgres
package import ViewRules

/// A row of a reduced view.
package struct ReducedRow: Sendable, Hashable {
    /// JSON texts.
    package let key: [UInt8]
    package let value: [UInt8]
}

/// Reduces the rows of a stretch that a caller may read, group by group.
///
/// For an administrator the blocks that lie in one group as a whole give their reductions, and only the rows of the
/// others are read. A user's rows are read.
package struct ReduceScan: RangeScan {
    private let index: ViewIndex
    private let view: Int64
    private let reducer: Reducer
    private let grouping: Grouping
    private let caller: Caller
    private var range: KeyRange
    private var isAtEnd = false

    /// How many groups are in memory.
    static let pageSize = 1_000
    private static let rowsAtOnce = 1_000
    private static let bytesAtOnce = 4 << 20

    /// - Throws: `query_parse_error` where the view has no reduce function.
    package init(
        _ index: ViewIndex,
        place: Int,
        range: KeyRange,
        grouping: Grouping,
        caller: Caller
    ) throws(CouchError) {
        guard let reducer = index.reducers[place] else {
            throw .queryParseError("Reduce is invalid for map-only views.")
        }
        self.index = index
        self.reducer = reducer
        self.range = range
        self.grouping = grouping
        self.caller = caller
        view = index.views[place]
    }

    /// The next groups, at most `limit` of them; none at the end.
    package mutating func next(_ limit: Int, in indexes: ViewIndexes) async throws -> [ReducedRow] {
        guard !isAtEnd, limit > 0 else { return [] }
        let size = min(limit, Self.pageSize)
        let groups =
            caller.feeds == nil ? try await byBlocks(size, in: indexes) : try await byRows(size, in: indexes)
        if groups.count < size {
            isAtEnd = true
        } else if let last = groups.last {
            go(behind: last)
        }
        let results = try await OpenGroup.results(of: groups, reducer)
        return zip(groups, results).map { ReducedRow(key: $0.json, value: $1.result) }
    }

    private mutating func go(behind group: OpenGroup) {
        if range.isDescending {
            range.upper = KeyBound(key: group.prefix, isIncluded: false)
        } else if group.isOneKey {
            range.lower = KeyBound(key: group.prefix, isIncluded: false)
        } else {
            range.lower = KeyBound(key: group.prefix + [255])
        }
        if grouping == .none { isAtEnd = true }
    }

    // MARK: - A user's

    private func byRows(_ size: Int, in indexes: ViewIndexes) async throws -> [OpenGroup] {
        let page = try await indexes.page(
            of: view,
            in: index.database,
            bytes: Self.bytesAtOnce,
            atMost: Self.rowsAtOnce
        )
        var scan = ViewScan(view: view, database: index.database, range: range, caller: caller, size: page)
        var groups = Groups(grouping: grouping, order: index.definition.order, reducer: reducer, limit: size)
        while true {
            let rows = try await scan.next(page.rows, from: indexes.store.client)
            if rows.isEmpty { return groups.found }
            for row in rows {
                guard try await groups.add(row) else { return groups.found }
            }
        }
    }

    // MARK: - By blocks

    private func byBlocks(_ size: Int, in indexes: ViewIndexes) async throws -> [OpenGroup] {
        try await indexes.refreshBlocks(of: view, index, reducer, in: range)
        let page = try await indexes.page(
            of: view,
            in: index.database,
            bytes: Self.bytesAtOnce,
            atMost: Self.blocksAtOnce * BlockRefresh.size
        )
        let blocksAtOnce = max(page.surely / BlockRefresh.size, 1)
        let blank = Groups(grouping: grouping, order: index.definition.order, reducer: reducer, limit: size)
        guard reducer.kind.builtIn == nil else { return try await gather(blank, blocksAtOnce, in: indexes) }
        return try await indexes.scriptedReads.run { try await gather(blank, blocksAtOnce, in: indexes) }
    }

    private func gather(_ blank: Groups, _ blocksAtOnce: Int, in indexes: ViewIndexes) async throws -> [OpenGroup] {
        // Blocks and rows as of one moment: so each row is in one of them, and in one only.
        try await indexes.store.client.transaction(.snapshot) { connection in
            var groups = blank
            var blocks = BlockReader(view: view, range: range, kind: reducer.kind)
            while true {
                let page = try await blocks.next(from: connection)
                if page.isEmpty { return groups.found }
                var rest = page[...]
                while let block = rest.first {
                    if let reduction = block.usable(in: range, grouping, index.definition.order) {
                        rest.removeFirst()
                        guard try await groups.add(block, reduction) else { return groups.found }
                        continue
                    }
                    let unusable = rest.prefix(blocksAtOnce).prefix { block in
                        block.usable(in: range, grouping, index.definition.order) == nil
                    }
                    rest = rest.dropFirst(unusable.count)
                    for rows in try await BlockReader.rows(of: Array(unusable), view, from: connection) {
                        for row in range.isDescending ? rows.reversed() : rows
                        where range.contains(row.order, id: row.id) {
                            guard try await groups.add(row) else { return groups.found }
                        }
                    }
                }
            }
        }
    }

    /// Of how many blocks the rows are read together.
    private static let blocksAtOnce = 16
}

/// Gathers rows and reductions, which come in order, into groups.
private struct Groups {
    let grouping: Grouping
    let order: CollationKey.Order
    let reducer: Reducer
    let limit: Int
    private(set) var found: [OpenGroup] = []
    /// How many bytes of rows were added since all of them were reduced.
    private var added = 0

    private static let addedLimit = 16 << 20
    /// What a row takes beside its texts.
    private static let overhead = 256

    init(grouping: Grouping, order: CollationKey.Order, reducer: Reducer, limit: Int) {
        self.grouping = grouping
        self.order = order
        self.reducer = reducer
        self.limit = limit
    }

    /// Whether there was room for the row's group.
    mutating func add(_ row: ViewRow) async throws -> Bool {
        guard open(row.order, json: row.key) else { return false }
        try await found[found.count - 1].add(row, reducer)
        added += Self.overhead + row.key.count + row.value.count
        if added > Self.addedLimit {
            try await OpenGroup.settle(&found, reducer)
            added = 0
        }
        return true
    }

    /// Whether there was room for the block's group.
    mutating func add(_ block: ViewBlock, _ reduction: Reduction) async throws -> Bool {
        guard open(block.firstKey ?? [], json: block.firstJSON ?? []) else { return false }
        try await found[found.count - 1].add(reduction, reducer)
        return true
    }

    private mutating func open(_ key: [UInt8], json: [UInt8]) -> Bool {
        if let last = found.last {
            // Most rows go to the group of the row before.
            if grouping == .none || last.isOneKey && last.prefix == key { return true }
            if !last.isOneKey, key.starts(with: last.prefix) { return true }
        }
        guard found.count < limit else { return false }
        let prefix = grouping.prefix(of: key, order)
        let isOneKey = prefix.count == key.count && grouping != .none
        found.append(OpenGroup(prefix: prefix, json: grouping.key(of: json, order), isOneKey: isOneKey))
        return true
    }
}
