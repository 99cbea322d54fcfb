import JSON

/// What the body of a `_bulk_docs` request says of all its documents.
package struct BulkDocumentsRequest: Sendable, Hashable {
    /// Whether each document is an edit that gets a new revision; otherwise it is a revision made elsewhere.
    package let makesNewRevisions: Bool
    /// Whether the client wants all documents written or none, which CouchDB has not done since 2.0.
    package let isAllOrNothing: Bool
}

extension BulkDocumentsRequest {
    /// Reads a body from which the documents were taken.
    init(around text: [UInt8], json: JSONLimits) throws(CouchError) {
        let request = try JSONScan(received: text, in: text.indices, limits: json)
        guard request.kind == .object else { throw .badRequest("Request body must be a JSON object") }
        func value(_ name: String) throws(CouchError) -> String? {
            let found = request.members.filter { $0.isNamed(name) }
            guard found.count < 2 else { throw Self.twice(name) }
            return found.first.map { String(decoding: text[$0.valueRange], as: UTF8.self) }
        }
        guard let docs = try value("docs") else { throw .badRequest("POST body must include `docs` parameter.") }
        guard docs == "[]" else { throw .badRequest("`docs` parameter must be an array.") }
        switch try value("new_edits") {
        case nil, "true": makesNewRevisions = true
        case "false": makesNewRevisions = false
        default: throw .badRequest("`new_edits` parameter must be a boolean.")
        }
        isAllOrNothing = try value("all_or_nothing") == "true"
    }

    /// The answer to two members of one name, of which nobody knows which one counts.
    static func twice(_ name: String) -> CouchError { .badRequest("The member \(name) stands twice.") }
}
