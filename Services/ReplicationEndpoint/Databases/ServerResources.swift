import CouchProtocol
import DocumentStore
import Foundation
import Hummingbird
import JSON
import Postgres
import ServiceRuntime

/// What belongs to no database: the welcome, `_up`, `_uuids`, `_all_dbs`.
struct ServerResources: Sendable {
    let store: DocumentStore
    /// Names this server to replicators; the same for all of its endpoints.
    let uuid: String

    func welcome() -> Response {
        .json([
            "couchdb": "Welcome", "version": "3.5.0", "uuid": .string(uuid),
            "features": [],
            "vendor": ["name": "Full Sync", "version": .string(Release.version)],
        ])
    }

    func up() async throws -> Response {
        do {
            try await store.client.ping()
        } catch {
            throw CouchError.unavailable("The document store does not answer.")
        }
        return .json(["status": "ok", "seeds": [:]])
    }

    func uuids(_ exchange: Exchange) throws -> Response {
        let count = try exchange.query.count("count") ?? 1
        guard count <= 1_000 else { throw CouchError.badRequest("count parameter too large") }
        let uuids = (0..<count).map { _ -> JSONValue in
            .string(UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: ""))
        }
        return .json(["uuids": .array(uuids)])
    }

    func allDatabases(_ exchange: Exchange) async throws -> Response {
        try exchange.requireAdministrator()
        return .json(.array(try await store.databaseNames().map(JSONValue.string)))
    }
}
