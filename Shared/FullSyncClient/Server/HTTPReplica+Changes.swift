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
            outgoing.query += [("feed", "longpoll"), ("timeout", Self.milliseconds(min(wait, Self.longestWait)))]
        }
        let response = try await answer(to: outgoing)
        return try await HTTPSession.reading {
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

    private func feedRequest(_ request: ChangesRequest) -> HTTPSession.Request {
        var outgoing = HTTPSession.Request(path: path("_changes"))
        outgoing.query = [("since", request.since.text), ("style", request.allLeaves ? "all_docs" : "main_only")]
        // CouchDB passes over what it does not know.
        if request.readerHolds { outgoing.query.append(("holds", "true")) }
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
