import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore
import ViewIndexes

/// The answer to a query of a view, of which the first rows are known: what goes wrong before is an error's answer.
enum ViewAnswer: Sendable {
    case mapped(MappedAnswer)
    case reduced(ReducedAnswer)

    @concurrent func write(to writer: inout some ResponseBodyWriter) async throws {
        switch self {
        case .mapped(let answer): try await answer.write(to: &writer)
        case .reduced(let answer): try await answer.write(to: &writer)
        }
    }
}

/// The text of an answer as it is gathered.
struct RowText: Sendable {
    var bytes: [UInt8]
    private var isFirst = true

    /// - Parameter members: What stands in front of the rows, each with a comma behind it.
    init(members: String) {
        bytes = Array("{\(members)\"rows\":[\r\n".utf8)
    }

    mutating func separate() {
        if !isFirst { bytes.append(contentsOf: ",\r\n".utf8) }
        isFirst = false
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    @concurrent mutating func flush(to writer: inout some ResponseBodyWriter) async throws {
        try await writer.write(ByteBuffer(bytes: bytes))
        bytes.removeAll(keepingCapacity: true)
    }

    @concurrent mutating func end(to writer: inout some ResponseBodyWriter) async throws {
        bytes.append(contentsOf: "\r\n]}".utf8)
        try await flush(to: &writer)
    }
}

/// The groups of a reduced view.
struct ReducedAnswer: Sendable {
    private let indexes: ViewIndexes
    private let members: String
    private let firstPage: [ReducedRow]
    private let rest: ReducedPages

    init(
        _ query: ViewQuery,
        _ target: ViewResource.Target,
        _ caller: Caller,
        _ indexes: ViewIndexes,
        seq: String?
    ) async throws {
        self.indexes = indexes
        members = seq.map { "\"update_seq\":\($0)," } ?? ""
        var pages = try ReducedPages(query, target, caller)
        firstPage = try await pages.next(in: indexes)
        rest = pages
    }

    @concurrent func write(to writer: inout some ResponseBodyWriter) async throws {
        var text = RowText(members: members)
        var (page, pages) = (firstPage, rest)
        while !page.isEmpty {
            for row in page {
                text.separate()
                text.append(#"{"key":"#)
                text.bytes += row.key
                text.append(#","value":"#)
                text.bytes += row.value
                text.append("}")
            }
            try await text.flush(to: &writer)
            page = try await pages.next(in: indexes)
        }
        try await text.end(to: &writer)
    }
}

/// The groups of a range, or of one key after the other, page by page.
private struct ReducedPages: Sendable {
    private var scans: ArraySlice<ReduceScan>
    private var skip: Int
    private var limit: Int

    private static let pageSize = 1_000

    init(_ query: ViewQuery, _ target: ViewResource.Target, _ caller: Caller) throws(CouchError) {
        (skip, limit) = (query.list.skip, query.list.limit ?? .max)
        let ranges = query.keys.map { $0.map { KeyRange(key: $0) } } ?? [query.range]
        scans = try ranges.map { range throws(CouchError) in
            try ReduceScan(
                target.index,
                place: target.view.place,
                range: range,
                grouping: query.grouping,
                caller: caller
            )
        }[...]
    }

    mutating func next(in indexes: ViewIndexes) async throws -> [ReducedRow] {
        while limit > 0, var scan = scans.popFirst() {
            let wanted = min(limit, Self.pageSize) + min(skip, Self.pageSize)
            var rows = try await scan.next(wanted, in: indexes)
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
