import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON

/// `/<database>/_local/<name>`: a caller's own documents that are not replicated, checkpoints above all.
struct LocalResource: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        let caller = exchange.caller
        switch exchange.method {
        case .get, .head:
            guard let found = try await store.localDocument(name, in: database, for: caller) else {
                throw CouchError.missing
            }
            return .json(Self.document(name, found))
        case .put:
            let (body, revision) = try await Self.content(exchange)
            let number = try await store.writeLocalDocument(
                name,
                body: body,
                after: revision,
                in: database,
                for: caller
            )
            return .json(
                ["ok": true, "id": .string("_local/\(name)"), "rev": .string("0-\(number)")],
                status: .created
            )
        case .delete:
            try await store.deleteLocalDocument(name, in: database, for: caller)
            return .json(["ok": true, "id": .string("_local/\(name)"), "rev": "0-0"])
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT")
        }
    }

    private static func document(_ name: String, _ found: StoredLocalDocument) -> [UInt8] {
        var output = Array(#"{"_id":"#.utf8)
        JSONValue.write(string: "_local/\(name)", to: &output)
        output.append(contentsOf: #","_rev":"0-\#(found.revision)""#.utf8)
        if found.body.count > 2 { output.append(UInt8(ascii: ",")) }
        output.append(contentsOf: found.body.dropFirst())
        return output
    }

    /// The members of the body that are the caller's own, and the number of the revision that it replaces.
    private static func content(_ exchange: Exchange) async throws -> (body: [UInt8], revision: Int?) {
        let members = try await exchange.object()
        var revision: Int?
        if let text = members["_rev"]?.stringValue {
            guard text.hasPrefix("0-"), let number = Int(text.dropFirst(2)) else { throw CouchError.invalidRevision }
            revision = number
        }
        let own = JSONObject(members.filter { $0.0 != "_id" && $0.0 != "_rev" })
        return (JSONValue.object(own).bytes, revision)
    }
}
