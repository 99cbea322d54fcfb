import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `/<database>`: make it, look at it, delete it, and post one document to it.
struct DatabaseResource: Sendable {
    let store: DocumentStore
    let documents: DocumentResource

    func respond(to exchange: Exchange, _ name: String) async throws -> Response {
        switch exchange.method {
        case .get, .head:
            let database = try await store.openDatabase(name, for: exchange.caller)
            return .json(try await DatabaseDescription(store: store).json(of: database, for: exchange.caller))
        case .put: return try await create(exchange, name)
        case .delete: return try await delete(exchange, name)
        case .post:
            let database = try await store.openDatabase(name, for: exchange.caller)
            return try await documents.writer.post(exchange, in: database)
        default:
            _ = try await store.openDatabase(name, for: exchange.caller)
            throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "POST")
        }
    }

    private func create(_ exchange: Exchange, _ text: String) async throws -> Response {
        try exchange.requireAdministrator()
        for name in ["q", "n"] {
            guard let value = exchange.query[name] else { continue }
            guard Int(value).map({ $0 > 0 }) ?? false else {
                throw CouchError.badRequest("The `\(name)` value should be a positive integer.")
            }
        }
        switch exchange.query["partitioned"] {
        case nil, "false": break
        case "true": throw CouchError.badRequest("Partitioned feature is not enabled.")
        default: throw CouchError.badRequest("Invalid `partitioned` parameter")
        }
        let name = try DatabaseName(text)
        guard !name.isSystem else { throw CouchError.forbidden("System databases are not kept here.") }
        guard try await store.createDatabase(name.text) else { throw CouchError.databaseExists }
        return .json(["ok": true], status: .created, headers: [.location: exchange.address(of: name.text)])
    }

    private func delete(_ exchange: Exchange, _ name: String) async throws -> Response {
        try exchange.requireAdministrator()
        // Whoever makes an address of a document's empty id would delete everything.
        guard exchange.query["rev"] == nil else {
            throw CouchError.badRequest(
                "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"
            )
        }
        try await store.deleteDatabase(name)
        return .ok()
    }
}

extension DocumentStore {
    /// The database of that name, for a caller who may open it.
    ///
    /// - Throws: `unauthorized` for callers without credentials, whether there is such a database or not; `forbidden`
    ///   for users whom its security object keeps out.
    func openDatabase(_ name: String, for caller: Caller) async throws -> Database {
        let database: Database
        do {
            database = try await recentDatabase(name)
        } catch let error as CouchError where caller == .anonymous && error == .noDatabase {
            throw Self.notAuthenticated
        }
        guard AccessRules.mayOpen(database, caller) else {
            throw caller == .anonymous ? Self.notAuthenticated : Self.notAllowed
        }
        return database
    }

    /// Whether a caller may still read a database that was opened before, and that is still there.
    func isOpen(_ database: Database, to caller: Caller) async throws -> Bool {
        guard caller.feeds != nil else { return true }
        do {
            let present = try await recentDatabase(database.name)
            return present.id == database.id && AccessRules.mayOpen(present, caller)
        } catch let error as CouchError where error == .noDatabase {
            return false
        }
    }

    private static let notAuthenticated = CouchError.unauthorized("You are not authorized to access this db.")
    private static let notAllowed = CouchError.forbidden("You are not allowed to access this db.")
}
