import CouchProtocol
import DocumentStore
import JSON

/// What a `_bulk_get` asks: the documents in their order, each well or badly asked for.
struct BulkGetRequest: Sendable {
    enum Item: Sendable {
        case open(OpenRequest)
        /// Something about it is wrong, which is said in its place.
        case wrong(id: JSONValue, rev: JSONValue, CouchError)
    }

    let items: [Item]
    let withHistory: Bool

    /// Parameters that mean something for one document and nothing for many.
    private static let refused = ["open_revs", "new_edits", "w", "rev", "atts_since"]

    init(_ exchange: Exchange) async throws {
        for name in Self.refused where exchange.query[name] != nil {
            throw CouchError.badRequest("\"\(name)\" query parameter is not acceptable")
        }
        let query = try DocumentQuery(exchange.query)
        withHistory = query.revs
        guard let docs = try await exchange.object()["docs"] else {
            throw CouchError.badRequest("Missing JSON list of 'docs'.")
        }
        guard let list = docs.arrayValue else { throw CouchError.badRequest("`docs` parameter must be an array.") }
        guard list.count <= exchange.limits.bulkGet else {
            throw CouchError.badRequest("`docs` has more than \(exchange.limits.bulkGet) documents.")
        }
        items = list.map { Self.item($0, latest: query.latest) }
    }

    private static func item(_ doc: JSONValue, latest: Bool) -> Item {
        guard let members = doc.objectValue, !members.isEmpty else {
            return .wrong(id: .null, rev: .null, .badRequest("document must be a JSON object"))
        }
        guard let id = members["id"] else { return .wrong(id: .null, rev: .null, .badRequest("document id missed")) }
        let documentID: DocumentID
        do throws(CouchError) {
            guard let text = id.stringValue else { throw CouchError.illegalDocumentID("Document id must be a string") }
            documentID = try DocumentID(text)
        } catch {
            return .wrong(id: id, rev: .null, error)
        }
        guard let rev = members["rev"] else { return .open(OpenRequest(id: documentID, .leaves)) }
        guard let text = rev.stringValue, let revision = try? RevisionID(parsing: text) else {
            return .wrong(id: id, rev: rev, .invalidRevision)
        }
        return .open(OpenRequest(id: documentID, .revisions([revision]), latest: latest))
    }
}
