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
        _ target: ViewTarget,
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
