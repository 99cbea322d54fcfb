import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON

/// `/<database>/_local/<name>`: a caller's own documents that are not replicated, checkpoints above all.
struct LocalResource: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        let id = DocumentID.local(name)
        _ = try DocumentID(id.text)
        switch exchange.method {
        case .get, .head: return try await read(exchange, name, in: database)
        case .put: return try await put(exchange, name, in: database)
        case .delete:
            try exchange.requireUser()
            try await store.deleteLocalDocument(name, in: database, for: exchange.caller)
            return .json(["ok": true, "id": .string(id.text), "rev": "0-0"])
        case .copy: return try await copy(exchange, name, in: database)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT", "COPY")
        }
    }

    private func read(_ exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        guard let found = try await store.localDocument(name, in: database, for: exchange.caller) else {
            throw CouchError.missing
        }
        let tag = "\"0-\(found.revision)\""
        guard !exchange.matches(tag: tag) else { return Response(status: .notModified, headers: [.eTag: tag]) }
        return .json(found.document, headers: [.eTag: tag])
    }

    private func put(_ exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        try exchange.requireUser()
        let (body, revision) = try Self.content(try await exchange.requiredBody(), exchange, database)
        return try await write(body, to: name, after: revision, exchange, in: database)
    }

    /// `COPY`: the content becomes another local document of the caller, or its next revision. (In CouchDB also one
    /// that is replicated.)
    private func copy(_ exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        try exchange.requireUser()
        let destination = try CopyDestination.parts(exchange.request.headers[HTTPHeader.destination])
        guard try DocumentID(destination.id).isLocal else {
            throw CouchError.badRequest("A local document can be copied to a local one only.")
        }
        guard let found = try await store.localDocument(name, in: database, for: exchange.caller) else {
            throw CouchError.missing
        }
        let revision = try destination.revision.map(Self.number) ?? 0
        let target = String(destination.id.dropFirst("_local/".count))
        return try await write(found.body, to: target, after: revision, exchange, in: database)
    }

    private func write(
        _ body: [UInt8],
        to name: String,
        after revision: Int,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> Response {
        let number = try await store.writeLocalDocument(
            name,
            body: body,
            after: revision,
            in: database,
            for: exchange.caller
        )
        return .json(
            ["ok": true, "id": .string(DocumentID.local(name).text), "rev": .string("0-\(number)")],
            status: .created,
            headers: [.eTag: "\"0-\(number)\"", .location: exchange.address(of: database.name, "_local", name)]
        )
    }

    /// The members of the body that are the caller's own, and the number of the revision that it follows; 0 for none.
    private static func content(
        _ text: [UInt8],
        _ exchange: Exchange,
        _ database: Database
    ) throws(CouchError) -> (body: [UInt8], revision: Int) {
        let members = try JSONValue(received: text, in: text.indices, limits: exchange.limits.json).objectValue
        guard let members else { throw .documentNotObject }
        var revision = 0
        if let value = members["_rev"] { revision = try number(value.stringValue ?? "") }
        if let text = exchange.query["rev"] { revision = try number(text) }
        var own = JSONObject()
        for (name, value) in members where name != "_id" && name != "_rev" {
            guard !name.hasPrefix("_") else { throw .documentValidation("Bad special document member: \(name)") }
            own[name] = value
        }
        let body = JSONValue.object(own).bytes
        guard body.count <= exchange.limits.documents.bodyLimit else { throw .tooLarge }
        return (body, revision)
    }

    private static func number(_ text: String) throws(CouchError) -> Int {
        guard text.hasPrefix("0-"), let number = Int(text.dropFirst(2)), number >= 0 else { throw .invalidRevision }
        return number
    }
}

extension StoredLocalDocument {
    /// The document as clients get it.
    var document: [UInt8] {
        var output = Array(#"{"_id":"#.utf8)
        JSONValue.write(string: DocumentID.local(name).text, to: &output)
        output.append(contentsOf: #","_rev":"0-\#(revision)""#.utf8)
        if body.count > 2 { output.append(UInt8(ascii: ",")) }
        output.append(contentsOf: body.dropFirst())
        return output
    }
}
