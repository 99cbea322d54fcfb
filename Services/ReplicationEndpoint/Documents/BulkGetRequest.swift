import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON

/// What a `_bulk_get` asks: the documents in their order, each well or badly asked for.
struct BulkGetRequest: Sendable {
    enum Item: Sendable {
        /// A document, and the revisions of it that the client has (`atts_since`).
        case open(OpenRequest, AttachmentOptions)
        /// Something about it is wrong, which is said in its place.
        case wrong(id: JSONValue, rev: JSONValue, CouchError)
    }

    let items: [Item]
    let withHistory: Bool
    /// Whether revisions and what follows them come as parts, because the client takes nothing else; nil for JSON.
    let partsType: String?

    /// Whether the histories of documents are needed.
    var needsHistory: Bool {
        withHistory
            || items.contains { item in
                guard case .open(_, let options) = item else { return false }
                return !options.since.isEmpty
            }
    }

    /// Parameters that mean something for one document and nothing for many.
    private static let refused = ["open_revs", "new_edits", "w", "rev", "atts_since"]

    init(_ exchange: Exchange) async throws {
        for name in Self.refused where exchange.query[name] != nil {
            throw CouchError.badRequest("\"\(name)\" query parameter is not acceptable")
        }
        let query = try DocumentQuery(exchange.query)
        withHistory = query.revs
        let options = try AttachmentOptions(exchange.query)
        let accept = AcceptHeader(exchange.request.headers[.accept])
        partsType =
            accept.accepts("application/json")
            ? nil : ["multipart/mixed", "multipart/related"].first { accept.accepts($0) }
        guard let docs = try await exchange.object()["docs"] else {
            throw CouchError.badRequest("Missing JSON list of 'docs'.")
        }
        guard let list = docs.arrayValue else { throw CouchError.badRequest("`docs` parameter must be an array.") }
        guard list.count <= exchange.limits.bulkGet else {
            throw CouchError.badRequest("`docs` has more than \(exchange.limits.bulkGet) documents.")
        }
        items = list.map { Self.item($0, latest: query.latest, options) }
    }

    private static func item(_ doc: JSONValue, latest: Bool, _ common: AttachmentOptions) -> Item {
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
        var options = common
        if let since = members["atts_since"] {
            do {
                try options.take(since: since)
            } catch {
                return .wrong(id: id, rev: since, error)
            }
        }
        guard let rev = members["rev"] else { return .open(OpenRequest(id: documentID, .leaves), options) }
        guard let text = rev.stringValue, let revision = try? RevisionID(parsing: text) else {
            return .wrong(id: id, rev: rev, .invalidRevision)
        }
        return .open(OpenRequest(id: documentID, .revisions([revision]), latest: latest), options)
    }
}
