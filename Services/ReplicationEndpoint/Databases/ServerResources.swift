import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Postgres
import ServiceRuntime
import ViewIndexes

/// What belongs to no database: the welcome, `_up`, `_uuids`, `_all_dbs`, `_dbs_info`, `_active_tasks`.
struct ServerResources: Sendable {
    let store: DocumentStore
    /// What the service needs.
    let readiness: ReadinessChecks
    /// Names this server to replicators; the same for all of its endpoints.
    let uuid: String

    func welcome(_ exchange: Exchange) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        return .json([
            "couchdb": "Welcome", "version": "3.5.0", "git_sha": "0", "uuid": .string(uuid),
            "features": [],
            "vendor": ["name": "Full Sync", "version": .string(Release.version)],
        ])
    }

    func up(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        let failures = await readiness.failures()
        guard failures.isEmpty else {
            let reasons = failures.map { "\($0.check): \($0.reason)" }.joined(separator: "; ")
            throw CouchError.unavailable("This server is not ready (\(reasons)).")
        }
        return .json(["status": "ok", "seeds": [:]])
    }

    func uuids(_ exchange: Exchange) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET") }
        let count = try exchange.query.count("count") ?? 1
        guard count <= exchange.limits.uuids else { throw CouchError.badRequest("count parameter too large") }
        let uuids = (0..<count).map { _ in JSONValue.string(DocumentID.random().text) }
        return .json(
            ["uuids": .array(uuids)],
            headers: [
                .cacheControl: "no-cache", .expires: "Mon, 01 Jan 1990 00:00:00 GMT", HTTPHeader.pragma: "no-cache",
            ]
        )
    }

    func allDatabases(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        return .json(.array(try await names(exchange).map(JSONValue.string)))
    }

    /// `_dbs_info`: the figures of the databases that a body names, or of all that the parameters choose.
    func databasesInfo(_ exchange: Exchange) async throws -> Response {
        let names: [JSONValue]
        switch exchange.method {
        case .get, .head:
            try exchange.requireAdministrator()
            names = try await self.names(exchange).map(JSONValue.string)
        case .post:
            try exchange.requireAdministrator()
            try exchange.requireJSON()
            guard let keys = try await exchange.object()["keys"] else {
                throw CouchError.badRequest("`keys` member must exist.")
            }
            guard let list = keys.arrayValue else { throw CouchError.badRequest("`keys` member must be an array.") }
            guard list.count <= exchange.limits.infos else { throw CouchError.badRequest("too_many_keys") }
            names = list
        default: throw exchange.methodNotAllowed("GET", "HEAD", "POST")
        }
        let caller = exchange.caller
        let isList = exchange.isRead
        return .streamed { writer in
            try await writer.write(ByteBuffer(string: "["))
            var isFirst = true
            for name in names {
                let info = try await info(name, for: caller)
                // One that was deleted since it was listed is left out.
                if info == nil && isList { continue }
                let row: JSONValue = info.map { ["key": name, "info": $0] } ?? ["key": name, "error": "not_found"]
                try await writer.write(ByteBuffer(bytes: (isFirst ? [] : [UInt8(ascii: ",")]) + row.bytes))
                isFirst = false
            }
            try await writer.write(ByteBuffer(string: "]\n"))
        }
    }

    /// `_active_tasks`: nothing here takes so long that it could be watched.
    func activeTasks(_ exchange: Exchange) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        return .json([])
    }

    /// `_membership`: replicators and administration programs look at it to see whether there is a cluster.
    func membership(_ exchange: Exchange) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET") }
        try exchange.requireAdministrator()
        return .json(["all_nodes": ["fullsync@127.0.0.1"], "cluster_nodes": ["fullsync@127.0.0.1"]])
    }

    // MARK: - Details

    private func names(_ exchange: Exchange) async throws -> [String] {
        let query = try DocumentListQuery(exchange.query)
        try query.check()
        guard let range = query.range(onlyDesigns: false) else { return [] }
        return try await store.databaseNames(in: range)
    }

    private func info(_ name: JSONValue, for caller: Caller) async throws -> JSONValue? {
        guard let name = name.stringValue, !name.utf8.contains(0) else { return nil }
        do {
            return try await DatabaseDescription(store: store).json(of: store.database(name), for: caller)
        } catch let error as CouchError where error == .noDatabase {
            return nil
        }
    }
}
