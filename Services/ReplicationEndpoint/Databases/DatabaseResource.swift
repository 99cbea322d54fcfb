import CouchProtocol
import DocumentStore
import Foundation
import Hummingbird
import JSON

/// `/<database>`: make it, look at it, delete it, and post one document to it.
struct DatabaseResource: Sendable {
    let store: DocumentStore
    let documents: DocumentResource

    func respond(to exchange: Exchange, _ name: String) async throws -> Response {
        switch exchange.method {
        case .get, .head: return try await describe(exchange, name)
        case .put:
            try exchange.requireAdministrator()
            let name = try DatabaseName(name)
            guard !name.isSystem else { throw CouchError.forbidden("System databases are not kept here.") }
            guard try await store.createDatabase(name.text) else { throw CouchError.databaseExists }
            return .ok(.created)
        case .delete:
            try exchange.requireAdministrator()
            try await store.deleteDatabase(name)
            return .ok()
        case .post:
            let database = try await store.openDatabase(name, for: exchange.caller)
            return try await documents.writer.post(exchange, in: database)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "POST", "PUT")
        }
    }

    /// The figures; a user learns none that tell of documents of others.
    private func describe(_ exchange: Exchange, _ name: String) async throws -> Response {
        let database = try await store.openDatabase(name, for: exchange.caller)
        let info = try await store.info(database)
        var members: JSONObject = [
            "db_name": .string(database.name),
            "instance_start_time": .string(String(info.createdSecondsSince1970)),
            "compact_running": false, "disk_format_version": 8, "props": [:],
            "cluster": ["q": 1, "n": 1, "w": 1, "r": 1],
        ]
        members["update_seq"] = database.token(FeedPosition(info.updateSeq)).sequence.json
        members["purge_seq"] = "0"
        if exchange.principal.isAdministrator {
            members["doc_count"] = .number(JSONNumber(info.documents))
            members["doc_del_count"] = .number(JSONNumber(info.deleted))
        } else {
            members["doc_count"] = 0
            members["doc_del_count"] = 0
        }
        members["sizes"] = ["file": 0, "external": 0, "active": 0]
        return .json(.object(members))
    }
}

extension DocumentStore {
    /// The database of that name, for a caller who may open it.
    ///
    /// - Throws: `unauthorized` for callers without credentials, whether there is such a database or not.
    func openDatabase(_ name: String, for caller: Caller) async throws -> Database {
        let database: Database
        do {
            database = try await self.database(name)
        } catch let error as CouchError where caller == .anonymous && error == .noDatabase {
            throw Self.notAuthenticated
        }
        guard AccessRules(database.settings).mayOpen(caller) else { throw Self.notAuthenticated }
        return database
    }

    private static let notAuthenticated = CouchError.unauthorized("You are not authorized to access this db.")
}
