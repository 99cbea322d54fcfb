package import CouchProtocol
package import DocumentStore

/// What a query answers of a range, or of one key after the other, page by page.
package struct QueryPages<Scan: RangeScan>: Sendable {
    private var scans: ArraySlice<Scan>
    private var skip: Int
    private var limit: Int
    /// How many rows are in memory.
    private let size: Int

    fileprivate init(_ query: ViewQuery, _ scans: [Scan], size: Int) {
        self.scans = scans[...]
        (skip, limit) = (query.list.skip, query.list.limit ?? .max)
        self.size = size
    }

    /// The next rows; none at the end.
    package mutating func next(in indexes: ViewIndexes) async throws -> [Scan.Row] {
        while limit > 0, var scan = scans.popFirst() {
            var rows = try await scan.next(min(size, limit) + min(size, skip), in: indexes)
            if rows.isEmpty { continue }
            scans = [scan] + scans
            let skipped = min(skip, rows.count)
            rows.removeFirst(skipped)
            skip -= skipped
            rows = Array(rows.prefix(limit))
            limit -= rows.count
            if !rows.isEmpty { return rows }
        }
        return []
    }
}

/// What gives the rows of one range, in order.
package protocol RangeScan: Sendable {
    associatedtype Row: Sendable

    /// The next rows, about `count` of them; none at the end.
    mutating func next(_ count: Int, in indexes: ViewIndexes) async throws -> [Row]
}

/// The rows of a query.
package typealias MappedPages = QueryPages<ViewScan>

extension MappedPages {
    /// The most rows of a page, and about how many bytes they may have.
    package static var pageRows: Int { 1_000 }
    package static var pageBytes: Int { 4 << 20 }

    package init(_ query: ViewQuery, _ target: ViewTarget, _ caller: Caller, size: PageSize) {
        let scans = query.ranges.map { range in
            ViewScan(target.index, place: target.view.place, range: range, caller: caller, size: size)
        }
        self.init(query, scans, size: size.rows)
    }
}

/// The groups of a query.
package typealias ReducedPages = QueryPages<ReduceScan>

extension ReducedPages {
    package init(_ query: ViewQuery, _ target: ViewTarget, _ caller: Caller) throws(CouchError) {
        let (index, place) = (target.index, target.view.place)
        let scans = try query.ranges.map { range throws(CouchError) in
            try ReduceScan(index, place: place, range: range, grouping: query.grouping, caller: caller)
        }
        self.init(query, scans, size: ReduceScan.pageSize)
    }
}
