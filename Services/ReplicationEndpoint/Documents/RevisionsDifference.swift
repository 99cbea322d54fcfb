import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `POST /<database>/_revs_diff` and `_missing_revs`: which of these revisions the database lacks.
struct RevisionsDifference: Sendable {
    enum Form: Sendable {
        /// `_revs_diff`: with the leaves from which the missing ones may have come.
        case difference
        /// `_missing_revs`, the older form.
        case missing
    }

    let store: DocumentStore

    func respond(to exchange: Exchange, _ form: Form, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        let members = try await exchange.object()
        guard members.count <= exchange.limits.keys else {
            throw CouchError.badRequest("The request names more than \(exchange.limits.keys) documents.")
        }
        var asked: [DocumentRevisions] = []
        // What no document can be called is not here. Whoever pushes it is refused that document alone; refused here,
        // a device would come again with all of them for ever.
        var impossible: [MissingRevisions] = []
        for (text, revisions) in members {
            let revisions = try DocumentQuery.revisions(revisions, limit: exchange.limits.revisions)
            if let id = try? DocumentID(text) {
                asked.append(DocumentRevisions(id: id, revisions: revisions))
            } else {
                impossible.append(
                    MissingRevisions(id: DocumentID(stored: text), missing: revisions, possibleAncestors: [])
                )
            }
        }
        let missing = try await store.revisionsDifference(asked, in: database, for: exchange.caller)
        return .json(Self.answer(form, missing + impossible))
    }

    private static func answer(_ form: Form, _ missing: [MissingRevisions]) -> JSONValue {
        switch form {
        case .missing:
            return ["missing_revs": .object(JSONObject(missing.map { ($0.id.text, list($0.missing)) }))]
        case .difference:
            let rows = missing.map { difference -> (String, JSONValue) in
                var row: JSONObject = ["missing": list(difference.missing)]
                if !difference.possibleAncestors.isEmpty {
                    row["possible_ancestors"] = list(difference.possibleAncestors)
                }
                return (difference.id.text, .object(row))
            }
            return .object(JSONObject(rows))
        }
    }

    private static func list(_ revisions: [RevisionID]) -> JSONValue {
        .array(revisions.map { .string($0.description) })
    }
}
