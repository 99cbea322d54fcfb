package import JSON

/// The body of a `_bulk_docs` request: where its documents are, and how they are to be taken.
package struct BulkDocumentsRequest: Sendable {
    /// The bytes of each document within the body.
    package let documents: [Range<Int>]
    /// Whether each document is an edit that gets a new revision; otherwise it is a revision made elsewhere.
    package let makesNewRevisions: Bool
    /// Whether the client wants all documents written or none, which CouchDB has not done since 2.0.
    package let isAllOrNothing: Bool

    /// Finds the documents of a body without decoding them.
    ///
    /// - Parameters:
    ///   - body: The whole body of the request.
    ///   - limits: The limits of the JSON.
    ///   - countLimit: How many documents it may have.
    package init(
        parsing body: [UInt8],
        limits: JSONLimits = JSONLimits(),
        countLimit: Int = 100_000
    ) throws(CouchError) {
        let request = try JSONScan(received: body, in: body.indices, limits: limits)
        guard request.kind == .object else { throw .badRequest("Request body must be a JSON object") }
        guard let docs = request.members.last(where: { $0.isNamed("docs") }) else {
            throw .badRequest("POST body must include `docs` parameter.")
        }
        let list = try JSONScan(received: body, in: docs.valueRange, limits: limits)
        guard list.kind == .array else { throw .badRequest("`docs` parameter must be an array.") }
        guard list.elements.count <= countLimit else {
            throw .badRequest("`docs` has more than \(countLimit) documents.")
        }
        documents = list.elements
        func flag(_ name: String) -> String? {
            request.members.last { $0.isNamed(name) }.map { String(decoding: body[$0.valueRange], as: UTF8.self) }
        }
        switch flag("new_edits") {
        case nil, "true": makesNewRevisions = true
        case "false": makesNewRevisions = false
        default: throw .badRequest("`new_edits` parameter must be a boolean.")
        }
        isAllOrNothing = flag("all_or_nothing") == "true"
    }
}
