import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore

extension HTTPReplica {
    /// How often a continuous feed shows that it is alive.
    private static let heartbeat = Duration.seconds(20)

    /// The longest wait that CouchDB allows (`changes_timeout`).
    private static let longestWait = Duration.seconds(60)

    package func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        var outgoing = feedRequest(request)
        outgoing.query.append(("limit", String(request.limit)))
        if let wait = request.wait {
            outgoing.query += [("feed", "longpoll"), ("timeout", Self.milliseconds(min(wait, Self.longestWait)))]
        }
        let response = try await session.send(outgoing)
        return try await HTTPSession.transport {
            var splitter = JSONElementSplitter()
            var rows: [ChangeRow] = []
            for try await chunk in response.body {
                for row in try splitter.append(chunk.readableBytesView) {
                    rows.append(try ChangeRow(parsing: try JSONValue(parsing: row)))
                }
            }
            guard let rest = try? JSONValue(parsing: splitter.rest) else {
                throw TransportError("a page of changes that breaks off")
            }
            var page = try ChangesPage(parsing: rest)
            page.rows = rows
            return page
        }
    }

    package func liveChanges(_ request: ChangesRequest) -> AsyncThrowingStream<ChangesPage, any Error> {
        // What is taken from the wire waits for the reader, so a slow reader slows the server and not the memory.
        AsyncThrowingStream(ChangesPage.self, bufferingPolicy: .bufferingOldest(1)) { continuation in
            let task = Task {
                do {
                    try await follow(request) { page in
                        while case .dropped = continuation.yield(page) {
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Reads a continuous feed line by line until the server ends it.
    private func follow(
        _ request: ChangesRequest,
        deliver: (ChangesPage) async throws -> Void
    ) async throws {
        var outgoing = feedRequest(request)
        outgoing.limit = nil
        outgoing.query += [("feed", "continuous"), ("heartbeat", Self.milliseconds(Self.heartbeat))]
        let response = try await session.send(outgoing)
        try await HTTPSession.transport {
            var line: [UInt8] = []
            for try await chunk in response.body {
                for byte in chunk.readableBytesView {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        continue
                    }
                    defer { line.removeAll(keepingCapacity: true) }
                    guard !line.isEmpty, let page = try Self.page(ofLine: line) else { continue }
                    try await deliver(page)
                }
            }
        }
    }

    private static func page(ofLine line: [UInt8]) throws -> ChangesPage? {
        let value = try JSONValue(parsing: line)
        guard value["id"] != nil else { return nil }
        let row = try ChangeRow(parsing: value)
        guard let sequence = row.sequence else { throw TransportError("a change without a place") }
        return ChangesPage(rows: [row], lastSequence: sequence)
    }

    private func feedRequest(_ request: ChangesRequest) -> HTTPSession.Request {
        var outgoing = HTTPSession.Request(path: path("_changes"))
        outgoing.query = [("since", request.since.text), ("style", request.allLeaves ? "all_docs" : "main_only")]
        switch request.filter {
        case .none: break
        case .documents(let ids):
            outgoing.method = "POST"
            outgoing.query.append(("filter", "_doc_ids"))
            let body: JSONValue = ["doc_ids": .array(ids.map { .string($0.text) })]
            outgoing.body = body.bytes
        case .selector(let selector):
            outgoing.method = "POST"
            outgoing.query.append(("filter", "_selector"))
            let body: JSONValue = ["selector": selector]
            outgoing.body = body.bytes
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
