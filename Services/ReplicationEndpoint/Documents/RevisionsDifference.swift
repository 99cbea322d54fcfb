import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `POST /<database>/_revs_diff`: which of these revisions the database lacks.
struct RevisionsDifference: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        var asked: [DocumentID: [RevisionID]] = [:]
        for (id, revisions) in try await exchange.object() {
            guard let list = revisions.arrayValue else {
                throw CouchError.badRequest("The revisions of a document must be an array")
            }
            asked[try DocumentID(id)] = try list.map { value in
                guard let text = value.stringValue else { throw CouchError.invalidRevision }
                return try RevisionID(parsing: text)
            }
        }
        let missing = try await store.revisionsDifference(asked, in: database, for: exchange.caller)
        var answer = JSONObject()
        for difference in missing {
            var row: JSONObject = ["missing": Self.list(difference.missing)]
            if !difference.possibleAncestors.isEmpty {
                row["possible_ancestors"] = Self.list(difference.possibleAncestors)
            }
            answer[difference.id.text] = .object(row)
        }
        return .json(.object(answer))
    }

    private static func list(_ revisions: [RevisionID]) -> JSONValue {
        .array(revisions.map { .string($0.description) })
    }
}
