import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore

extension HTTPReplica {
    /// The longest wait that CouchDB allows (`changes_timeout`).
    private static let longestWait = Duration.seconds(60)

    package func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        var outgoing = feedRequest(request)
        outgoing.query.append(("limit", String(request.limit)))
        if let wait = request.wait {
            let pace = request.heartbeat.map { ("heartbeat", Self.milliseconds($0)) }
            outgoing.query.append(("feed", "longpoll"))
            outgoing.query.append(pace ?? ("timeout", Self.milliseconds(min(wait, Self.longestWait))))
        }
        let response = try await answer(to: outgoing)
        return try await HTTPSession.reading {
            var text = FeedText(withDocuments: request.withDocuments, rules: rules)
            var rows: [ChangeRow] = []
            for try await chunk in response.body { rows += try text.append(chunk) }
            var page = try text.end()
            page.rows = rows
            return page
        }
    }

    package func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        let response = try await answer(to: feedRequest(request))
        // Reads on while pages are written, one page ahead.
        return Self.stream { send in try await read(response, request, send) }
    }

    private func read(
        _ response: HTTPClientResponse,
        _ request: ChangesRequest,
        _ send: (ChangesPage) async -> Void
    ) async throws {
        var text = FeedText(withDocuments: request.withDocuments, rules: rules)
        var page = ChangesPage(rows: [], lastSequence: request.since)
        var size = 0
        for try await chunk in response.body {
            for row in try text.append(chunk) {
                page.rows.append(row)
                size += row.documents.reduce(0) { $0 + $1.size }
                let isFull = page.rows.count >= request.limit || size >= Self.pageSize
                guard isFull, let place = row.sequence else { continue }
                page.lastSequence = place
                await send(page)
                (page.rows, size) = ([], 0)
            }
        }
        let end = try text.end()
        page.lastSequence = end.lastSequence
        page.pending = end.pending ?? 0
        await send(page)
    }

    /// About how many bytes of documents a page of a stream has.
    private static let pageSize = 4 << 20

    private func feedRequest(_ request: ChangesRequest) -> HTTPSession.Request {
        var outgoing = HTTPSession.Request(path: path("_changes"))
        outgoing.query = [("since", request.since.text), ("style", request.allLeaves ? "all_docs" : "main_only")]
        // CouchDB passes over what it does not know.
        if request.readerHolds { outgoing.query.append(("holds", "true")) }
        if request.withDocuments { outgoing.query.append(("leaves", "true")) }
        switch request.filter {
        case .none: break
        case .documents(let ids):
            outgoing.method = "POST"
            outgoing.query.append(("filter", "_doc_ids"))
            let body: JSONValue = ["doc_ids": .array(ids.map { .string($0.text) })]
            outgoing.body = .json(body.bytes)
        case .selector(let selector):
            outgoing.method = "POST"
            outgoing.query.append(("filter", "_selector"))
            let body: JSONValue = ["selector": selector]
            outgoing.body = .json(body.bytes)
        case .function(let name, let parameters):
            outgoing.query.append(("filter", name))
            outgoing.query += parameters.sorted { $0.key < $1.key }.map {
                (PercentEncoding.encode($0.key), $0.value)
            }
        }
        return outgoing
    }

    private static func milliseconds(_ duration: Duration) -> String {
        String(Int((duration / .milliseconds(1)).rounded()))
    }
}

/// The text of a feed that is coming in.
private struct FeedText {
    private var splitter = JSONElementSplitter()
    private let withDocuments: Bool
    private let rules: DocumentRules

    init(withDocuments: Bool, rules: DocumentRules) {
        self.withDocuments = withDocuments
        self.rules = rules
    }

    /// The rows that are complete with these bytes.
    mutating func append(_ chunk: ByteBuffer) throws -> [ChangeRow] {
        try splitter.append(chunk.readableBytesView).map { row in
            guard withDocuments else { return try ChangeRow(parsing: try JSONValue(parsing: row)) }
            return try ChangeRow(parsing: row, rules: rules)
        }
    }

    /// What stands around the rows, when all is there.
    func end() throws -> ChangesPage {
        guard let rest = try? JSONValue(parsing: splitter.rest) else {
            throw TransportError("a page of changes that breaks off")
        }
        return try ChangesPage(parsing: rest)
    }
}
