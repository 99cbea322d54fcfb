import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore

/// `POST /<database>/_bulk_get`: many revisions at once, their bodies as the bytes that the store has.
struct BulkGet: Sendable {
    let store: DocumentStore

    /// How many documents are in memory at once.
    private static let stretch = 200

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        let requests = try await requests(exchange)
        let withHistory = try exchange.query.bool("revs")
        let store = store
        let body = ResponseBody { writer in
            var buffer = ByteBuffer(string: #"{"results": ["#)
            for start in stride(from: 0, to: requests.count, by: Self.stretch) {
                let stretch = Array(requests[start..<min(start + Self.stretch, requests.count)])
                let found = try await store.fetch(stretch, from: database, for: exchange.caller)
                for (index, request) in stretch.enumerated() {
                    if start + index > 0 { buffer.writeString(",") }
                    buffer.writeBytes(Self.result(request, found[request], withHistory: withHistory, database))
                }
                try await writer.write(buffer)
                buffer = ByteBuffer()
            }
            buffer.writeString("]}\n")
            try await writer.write(buffer)
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
    }

    private func requests(_ exchange: Exchange) async throws -> [RevisionRequest] {
        guard let docs = try await exchange.object()["docs"]?.arrayValue else {
            throw CouchError.badRequest("Missing JSON list of 'docs'.")
        }
        guard docs.count <= exchange.limits.bulkGet else { throw CouchError.tooLarge }
        return try docs.map { doc in
            guard let id = doc["id"]?.stringValue else { throw CouchError.badRequest("document id missed") }
            return RevisionRequest(
                id: try DocumentID(id),
                revision: try doc["rev"]?.stringValue.map { text throws(CouchError) in try RevisionID(parsing: text) }
            )
        }
    }

    private static func result(
        _ request: RevisionRequest,
        _ found: StoredRevision?,
        withHistory: Bool,
        _ database: Database
    ) -> [UInt8] {
        var output = Array(#"{"id":"#.utf8)
        JSONValue.write(string: request.id.text, to: &output)
        if let found {
            var document = OutgoingDocument(found)
            if withHistory { document.revisions = found.tree?.path(to: found.revision) }
            output.append(contentsOf: #","docs":[{"ok":"#.utf8)
            document.write(to: &output, rules: database.documentRules)
            output.append(contentsOf: "}]}".utf8)
        } else {
            let error: JSONValue = [
                "id": .string(request.id.text),
                "rev": .string(request.revision?.description ?? "undefined"),
                "error": "not_found", "reason": "missing",
            ]
            output.append(contentsOf: #","docs":[{"error":"#.utf8)
            error.write(to: &output)
            output.append(contentsOf: "}]}".utf8)
        }
        return output
    }
}
