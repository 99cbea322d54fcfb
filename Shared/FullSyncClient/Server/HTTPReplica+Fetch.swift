import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore

extension HTTPReplica {
    package func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        guard !requests.isEmpty else { return [] }
        let docs = requests.map { request -> JSONValue in
            var entry: JSONObject = ["id": .string(request.id.text), "rev": .string(request.revision.description)]
            if !request.attachmentsSince.isEmpty {
                entry["atts_since"] = .array(request.attachmentsSince.map { .string($0.description) })
            }
            return .object(entry)
        }
        let body: JSONValue = ["docs": .array(docs)]
        let response = try await session.send(
            HTTPSession.Request(
                method: "POST",
                path: path("_bulk_get"),
                query: [("revs", "true"), ("attachments", "true")],
                body: body.bytes
            )
        )
        return try await HTTPSession.transport {
            var splitter = JSONElementSplitter()
            var outcomes: [FetchOutcome] = []
            for try await chunk in response.body {
                for result in try splitter.append(chunk.readableBytesView) {
                    outcomes += try outcome(of: result)
                }
            }
            guard (try? JSONScan(splitter.rest)) != nil else { throw TransportError("an answer that breaks off") }
            return outcomes
        }
    }

    /// What one of the `results` says: the documents or the errors of the revisions of one id.
    private func outcome(of result: [UInt8]) throws -> [FetchOutcome] {
        let members = try JSONScan(result).members
        guard let docs = members.first(where: { $0.isNamed("docs") }) else {
            throw TransportError("a result of _bulk_get without docs")
        }
        return try JSONScan(result, in: docs.valueRange).elements.map { element in
            let entry = try JSONScan(result, in: element).members
            if let found = entry.first(where: { $0.isNamed("ok") }) {
                let document = try IncomingDocument(parsing: result, in: found.valueRange, rules: rules)
                return .document(try ReplicatedDocument(document))
            }
            let failure = try JSONValue(parsing: result, in: element)["error"]
            let revision = try RevisionID(parsing: failure?["rev"]?.stringValue ?? "")
            return .failure(
                DocumentID(stored: failure?["id"]?.stringValue ?? ""),
                revision,
                CouchError(named: failure?["error"]?.stringValue, reason: failure?["reason"]?.stringValue)
            )
        }
    }
}

extension CouchError {
    /// The error that a server names for one document of many, where the status of the answer says nothing.
    init(named name: String?, reason: String?) {
        let name = name ?? "unknown_error"
        let status =
            switch name {
            case "not_found", "missing": 404
            case "forbidden": 403
            case "unauthorized": 401
            case "conflict": 409
            case "missing_stub": 412
            case "bad_request", "doc_validation", "illegal_docid", "illegal_rev": 400
            case "too_large", "document_too_large", "attachment_too_large", "too_many_branches": 413
            case "timeout", "internal_server_error", "service unavailable": 503
            default: 400
            }
        self.init(status: status, error: name, reason: reason ?? name)
    }
}
