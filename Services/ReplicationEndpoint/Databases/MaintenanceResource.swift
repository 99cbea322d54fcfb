import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Telemetry

/// What an administrator does with a database: `_security`, `_revs_limit`, `_purge` and its like, `_compact`.
///
/// Who may read what is decided by tags. The security object keeps out whom it does not name, and gives nobody a right.
struct MaintenanceResource: Sendable {
    let store: DocumentStore
    let changes: AccessChanges

    func security(_ exchange: Exchange, in database: Database) async throws -> Response {
        switch exchange.method {
        case .get, .head:
            return .json(bytes: try await store.security(of: database))
        case .put:
            try exchange.requireAdministrator()
            try await store.setSecurity(try await exchange.requiredJSON(), of: database)
            try await changes.tell()
            return .ok()
        default: throw exchange.methodNotAllowed("PUT", "GET")
        }
    }

    func revisionLimit(_ exchange: Exchange, in database: Database) async throws -> Response {
        switch exchange.method {
        case .get, .head: return .json(.number(JSONNumber(database.settings.revisionLimit)))
        case .put:
            try exchange.requireAdministrator()
            guard let limit = try await exchange.requiredJSON().intValue, limit > 0 else {
                throw CouchError.badRequest("`revs_limit` must be positive integer")
            }
            try await store.setRevisionLimit(limit, of: database)
            return .ok()
        default: throw exchange.methodNotAllowed("PUT", "GET")
        }
    }

    func purgedInfosLimit(_ exchange: Exchange, in database: Database) async throws -> Response {
        try exchange.requireAdministrator()
        switch exchange.method {
        case .get, .head: return .json(.number(JSONNumber(try await store.purgedInfosLimit(of: database))))
        case .put:
            guard let limit = try await exchange.requiredJSON().intValue, limit > 0 else {
                throw CouchError.badRequest("`purged_infos_limit` must be positive integer")
            }
            try await store.setPurgedInfosLimit(limit, of: database)
            return .ok()
        default: throw exchange.methodNotAllowed("GET", "PUT")
        }
    }

    func purge(_ exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireAdministrator()
        try exchange.requireJSON()
        let members = try await exchange.object()
        guard members.count <= exchange.limits.purge else {
            throw CouchError.badRequest("Exceeded maximum number of documents.")
        }
        var asked: [DocumentRevisions] = []
        // What no document can be called has nothing to purge.
        var impossible: [(String, JSONValue)] = []
        for (text, value) in members {
            let revisions = try DocumentQuery.revisions(value, limit: exchange.limits.revisions)
            if let id = try? DocumentID(text) {
                asked.append(DocumentRevisions(id: id, revisions: revisions))
            } else {
                impossible.append((text, []))
            }
        }
        let outcome = try await store.purge(
            asked,
            in: database,
            by: exchange.writer(to: database, in: store),
            traceID: TraceContext.current?.traceID
        )
        let purged = JSONObject(outcome.purged.map { ($0.id.text, Self.list($0.revisions)) } + impossible)
        return .json(["purge_seq": .null, "purged": .object(purged)], status: .created)
    }

    func purgedInfos(_ exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .get || exchange.method == .head else { throw exchange.methodNotAllowed("GET") }
        try exchange.requireAdministrator()
        let infos = try await store.purgedInfos(of: database).map { info -> JSONValue in
            ["id": .string(info.id.text), "revs": Self.list(info.revisions)]
        }
        return .json(["purged_infos": .array(infos)])
    }

    /// `_compact`: the bodies of revisions that are no leaves any more go now.
    ///
    /// Of views there is nothing to compact.
    func compact(_ exchange: Exchange, design: String?, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireAdministrator()
        try exchange.requireJSON()
        if let design {
            let found = try await store.document(.design(design), in: database, for: exchange.caller)
            guard found?.isDeleted == false else { throw found == nil ? CouchError.missing : CouchError.deleted }
        } else {
            try await store.requestCompaction(of: database)
        }
        return .ok(.accepted)
    }

    // MARK: - Details

    private static func list(_ revisions: [RevisionID]) -> JSONValue {
        .array(revisions.map { .string($0.description) })
    }
}
