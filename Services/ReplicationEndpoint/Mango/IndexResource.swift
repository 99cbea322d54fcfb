import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Mango
import Telemetry
import ViewIndexes

/// `/<database>/_index`: Mango's indexes, which are views of design documents.
struct IndexResource: Sendable {
    let store: DocumentStore
    let catalogue: QueryCatalogue

    /// The names in the address of an index.
    struct Target: Hashable, Sendable {
        let design: String
        let type: String
        let name: String
    }

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        switch exchange.method {
        case .get, .head: return try await list(exchange, in: database)
        case .post: return try await create(exchange, in: database)
        default: throw exchange.methodNotAllowed("GET", "POST")
        }
    }

    private func list(_ exchange: Exchange, in database: Database) async throws -> Response {
        let indexes = try await catalogue.indexes(in: database, for: exchange.caller)
        let all = [CandidateIndex.allDocuments] + indexes.map(CandidateIndex.index)
        let limit = try Self.number("limit", exchange.query, from: 1) ?? all.count
        let skip = try Self.number("skip", exchange.query, from: 0) ?? 0
        return .json([
            "total_rows": .number(JSONNumber(all.count)),
            "indexes": .array(all.dropFirst(skip).prefix(limit).map(\.json)),
        ])
    }

    private static func number(_ name: String, _ query: Query, from least: Int) throws(CouchError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text), number >= least else {
            throw CouchError(
                status: 500,
                error: "invalid_list_index_params",
                reason: "Index parameter ranges: limit > 1, skip > 0"
            )
        }
        return number
    }

    private func create(_ exchange: Exchange, in database: Database) async throws -> Response {
        try exchange.requireAdministrator()
        try exchange.requireJSON()
        let request = try IndexRequest(parsing: try await exchange.mangoBody())
        let present = try await design(request.design, exchange, in: database)
        let document = try request.added(to: present?.document)
        let isThere = present.map { $0.document == document } ?? false
        if !isThere { try await write(document, request.design, over: present, exchange, in: database) }
        return .json([
            "result": isThere ? "exists" : "created", "id": .string(request.design.text),
            "name": .string(request.name),
        ])
    }

    /// `DELETE _index/<design>/json/<name>`.
    func delete(_ exchange: Exchange, _ target: Target, in database: Database) async throws -> Response {
        guard exchange.method == .delete else { throw exchange.methodNotAllowed("DELETE") }
        try exchange.requireAdministrator()
        let design = try IndexRequest.design(named: target.design)
        let found = try await catalogue.indexes(in: database, for: exchange.caller)
            .contains { $0.design == design && $0.name == target.name }
        guard found, target.type == "json" else { throw CouchError.missing }
        try await remove([target.name], from: design, exchange, in: database)
        return .ok()
    }

    /// `POST _index/_bulk_delete`: all indexes of some design documents.
    func deleteAll(_ exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireAdministrator()
        try exchange.requireJSON()
        let request = try BulkIndexDeletion(parsing: try await exchange.mangoBody())
        let indexes = try await catalogue.indexes(in: database, for: exchange.caller)
        var (deleted, failed): ([JSONValue], [JSONValue]) = ([], [])
        for design in request.designs {
            let names = indexes.filter { $0.design == design }.map(\.name)
            do {
                guard !names.isEmpty else { throw CouchError.missing }
                try await remove(names, from: design, exchange, in: database)
                deleted.insert(["id": .string(design.text), "ok": true], at: 0)
            } catch let error as CouchError {
                failed.insert(["id": .string(design.text), "error": .string(error.error)], at: 0)
            }
        }
        return .json(["success": .array(deleted), "fail": .array(failed)])
    }

    // MARK: - Design documents

    /// A design document as it is.
    private struct Design {
        let document: JSONObject
        let stored: StoredRevision
    }

    private func design(_ id: DocumentID, _ exchange: Exchange, in database: Database) async throws -> Design? {
        guard let found = try await store.document(id, in: database, for: exchange.caller), !found.isDeleted else {
            return nil
        }
        let value = try JSONValue(parsing: found.body, limits: .unlimited)
        return Design(document: value.objectValue ?? [:], stored: found)
    }

    private func remove(
        _ names: [String],
        from id: DocumentID,
        _ exchange: Exchange,
        in database: Database
    ) async throws {
        guard let design = try await design(id, exchange, in: database) else { throw CouchError.missing }
        let rest = IndexRequest.removing(names, from: design.document)
        try await write(rest, id, over: design, exchange, in: database)
    }

    /// Writes a design document; nil deletes it.
    private func write(
        _ document: JSONObject?,
        _ id: DocumentID,
        over present: Design?,
        _ exchange: Exchange,
        in database: Database
    ) async throws {
        let bytes = document.map { JSONValue.object($0).bytes }
        let scan = try bytes.map { try JSONScan(received: $0, in: $0.indices, limits: database.documentRules.json) }
        var edit = DocumentEdit(
            id: id,
            revision: .next(after: present?.stored.revision),
            isDeleted: document == nil,
            body: bytes.map { bytes in
                DocumentBody(bytes: bytes, isFaithfulInJSONB: scan?.isFaithfulInJSONB ?? false)
            } ?? .empty,
            tags: AskedTags()
        )
        if document != nil { edit.attachments = present?.stored.attachments.map { .kept($0) } ?? [] }
        let outcome = try await store.write(
            [edit],
            to: database,
            by: exchange.writer(to: database, in: store),
            traceID: TraceContext.current?.traceID
        )[0]
        guard case .refused(let error) = outcome else { return }
        guard error.error == "conflict" else { throw error }
        throw CouchError(
            status: 500,
            error: "error_saving_ddoc",
            reason: "Encountered a conflict while saving the design document."
        )
    }
}
