import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON

/// `/<database>/_local/<name>`: a caller's own documents that are not replicated, checkpoints above all.
///
/// An administrator looks after those of users by `owner=<user>`: without it the administrator's own are meant, so that
/// nobody replicates on from a checkpoint of somebody else.
struct LocalResource: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, _ name: String, in database: Database) async throws -> Response {
        let id = DocumentID.local(name)
        _ = try DocumentID(id.text)
        let owner = try Self.owner(exchange)
        let holder = owner ?? exchange.caller
        switch exchange.method {
        case .get, .head: return try await read(exchange, name, of: holder, in: database)
        case .put: return try await put(exchange, name, of: owner, in: database)
        case .delete:
            try exchange.requireUser()
            try await store.deleteLocalDocument(name, in: database, for: holder)
            return .json(["ok": true, "id": .string(id.text), "rev": "0-0"])
        case .copy: return try await copy(exchange, name, of: holder, in: database)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT", "COPY")
        }
    }

    /// The user whose local document is meant; nil for the caller's own.
    private static func owner(_ exchange: Exchange) throws(CouchError) -> Caller? {
        guard let owner = exchange.query["owner"] else { return nil }
        if !exchange.principal.isNamed(owner) { try exchange.requireAdministrator() }
        try UserName.check(owner, "user")
        return exchange.principal.isNamed(owner) ? nil : .user(name: owner, groups: [])
    }

    private func read(
        _ exchange: Exchange,
        _ name: String,
        of holder: Caller,
        in database: Database
    ) async throws -> Response {
        guard let found = try await store.localDocument(name, in: database, for: holder) else {
            throw CouchError.missing
        }
        let tag = "\"0-\(found.revision)\""
        guard !exchange.matches(tag: tag) else { return Response(status: .notModified, headers: [.eTag: tag]) }
        return .json(bytes: found.document, headers: [.eTag: tag])
    }

    private func put(
        _ exchange: Exchange,
        _ name: String,
        of owner: Caller?,
        in database: Database
    ) async throws -> Response {
        try exchange.requireUser()
        var edit = try LocalEdit(parsing: try await exchange.requiredBody(), name: name, exchange.limits)
        if let text = exchange.query["rev"] { edit.revision = try LocalEdit.number(text) }
        return try await write(edit, exchange, of: owner, in: database)
    }

    /// `COPY`: the content becomes another local document of the caller, or its next revision; or one that is
    /// replicated.
    private func copy(
        _ exchange: Exchange,
        _ name: String,
        of holder: Caller,
        in database: Database
    ) async throws -> Response {
        try exchange.requireUser()
        let destination = try CopyDestination(exchange.request.headers[HTTPHeader.destination])
        guard let found = try await store.localDocument(name, in: database, for: holder) else {
            throw CouchError.missing
        }
        switch destination {
        case .local(let name, let revision):
            let edit = LocalEdit(name: name, body: found.body, revision: revision)
            return try await write(edit, exchange, in: database)
        case .document(let id, let revision):
            let intake = DocumentIntake(database, exchange.limits)
            let document = try intake.document(found.body, in: found.body.indices)
            let writer = DocumentWriter(store: store, reader: DocumentReader(store: store))
            return try await writer.write(intake.edit(document, id: id, after: revision), exchange, in: database)
        }
    }

    /// Writes a local document, and answers as CouchDB does.
    ///
    /// - Parameter owner: The user whose it is, for whom only an administrator writes; nil for the caller's own.
    func write(
        _ edit: LocalEdit,
        _ exchange: Exchange,
        of owner: Caller? = nil,
        in database: Database
    ) async throws -> Response {
        let writer = try await exchange.writer(to: database, in: store)
        guard owner == nil || writer.feeds == nil else { throw CouchError.forbidden("You are not a server admin.") }
        let revision = try await store.write(edit, in: database, for: owner ?? writer)
        return .json(
            ["ok": true, "id": .string(DocumentID.local(edit.name).text), "rev": .string(revision)],
            status: edit.isDeleted ? .ok : .created,
            headers: [
                .eTag: "\"\(revision)\"", .location: exchange.address(of: database.name, "_local", edit.name),
            ]
        )
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
