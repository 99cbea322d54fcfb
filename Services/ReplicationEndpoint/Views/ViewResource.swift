import CouchProtocol
import DocumentStore
import Foundation
import Hummingbird
import JSON
import Logging
import NIOCore
import ScriptHosting
import ViewIndexes

/// `/<database>/_design/<design>/_view/<view>` and its `/queries`, `_design/<design>/_info`, and `_view_cleanup`.
struct ViewResource: Sendable {
    let store: DocumentStore
    private let views: ViewQueries
    /// Mango's indexes, which are cleaned up together with those of views.
    let queries: QueryCatalogue

    /// - Parameter scripts: Where maps and reduces run.
    init(_ store: DocumentStore, _ scripts: ScriptHostPool, _ logger: Logger) {
        self.store = store
        views = ViewQueries(store, scripts, holder: UUID().uuidString, logger)
        queries = QueryCatalogue(store)
    }

    var indexes: ViewIndexes { views.indexes }
    private var catalogue: ViewCatalogue { views.catalogue }

    func respond(to exchange: Exchange, _ path: Resource.ViewPath, in database: Database) async throws -> Response {
        let list = try await AllDocuments.list(exchange, refusingQueries: true)
        let caller = exchange.caller
        let quick = try await store.keepingConnection { try await quickAnswer(list, path, database, caller) }
        if let quick { return response(quick) }
        let target = try await views.target(path.view, of: path.design, in: database, for: caller)
        let query = try ViewQuery(list, target.view, target.index.definition.order)
        return response(try await answer(query, try await views.prepared(target, list.update), caller))
    }

    /// The answer; nil where an index or its reductions may have to be made first, for which nobody keeps a connection
    /// that making them may need.
    private func quickAnswer(
        _ list: DocumentListQuery,
        _ path: Resource.ViewPath,
        _ database: Database,
        _ caller: Caller
    ) async throws -> ViewAnswer? {
        let target = try await views.target(path.view, of: path.design, in: database, for: caller)
        let query = try ViewQuery(list, target.view, target.index.definition.order)
        guard !query.isReduced, list.update == .first, try await indexes.isUpToDate(target.index) else { return nil }
        return try await answer(query, target, caller)
    }

    private func response(_ answer: ViewAnswer) -> Response {
        .streamed { writer in
            try await answer.write(to: &writer)
            try await writer.write(ByteBuffer(string: "\n"))
        }
    }

    /// `POST …/queries`: several queries in one answer.
    func respondToQueries(
        _ exchange: Exchange,
        _ path: Resource.ViewPath,
        in database: Database
    ) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        let lists = try await AllDocuments.queries(exchange)
        let target = try await views.target(path.view, of: path.design, in: database, for: exchange.caller)
        let queries = try lists.map { list in try ViewQuery(list, target.view, target.index.definition.order) }
        let caller = exchange.caller
        // Whatever can be refused is refused before the answer begins.
        var ready = target
        for list in lists { ready = try await views.prepared(ready, list.update) }
        let prepared = ready
        return .streamed { writer in
            try await writer.write(ByteBuffer(string: "{\"results\":["))
            for (place, query) in queries.enumerated() {
                try await writer.write(ByteBuffer(string: place > 0 ? ",\r\n" : "\r\n"))
                try await answer(query, prepared, caller).write(to: &writer)
            }
            try await writer.write(ByteBuffer(string: "\r\n]}\n"))
        }
    }

    private func answer(_ query: ViewQuery, _ target: ViewTarget, _ caller: Caller) async throws -> ViewAnswer {
        let seq = query.list.updateSeq ? try await views.updateSeq(target.index, for: caller).json.text : nil
        if query.isReduced {
            return .reduced(try await ReducedAnswer(query, target, caller, indexes, seq: seq))
        }
        return .mapped(try await MappedAnswer(query, target, caller, indexes, seq: seq))
    }
}

// MARK: - What is told of indexes, and done to them

extension ViewResource {
    /// `_design/<design>/_info`.
    func info(_ exchange: Exchange, _ design: String, in database: Database) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET") }
        // What an index holds is the sum of everybody's rows.
        try exchange.requireAdministrator()
        guard let views = try await catalogue.views(of: design, in: database, for: exchange.caller) else {
            return .json(["name": .string(design), "view_index": ["language": "javascript"]])
        }
        let index = try await indexes.index(views.index, in: database, reducers: views.reducers)
        let info = try await indexes.information(index)
        let pending = max(0, try await store.info(database).updateSeq - info.updateSeq)
        let pendingCount = JSONValue.number(JSONNumber(pending))
        let bytes = JSONValue.number(JSONNumber(info.bytes))
        return .json([
            "name": .string(design),
            "view_index": [
                "signature": .string(Self.hexadecimal(info.signature)),
                "language": .string(views.language),
                "update_seq": .number(JSONNumber(info.updateSeq)),
                "purge_seq": .number(JSONNumber(info.purgeSeq)),
                "updates_pending": ["minimum": pendingCount, "preferred": pendingCount, "total": pendingCount],
                "updater_running": .bool(info.isUpdating),
                "compact_running": false,
                "waiting_commit": false,
                "waiting_clients": 0,
                "sizes": ["file": bytes, "active": bytes, "external": bytes],
                "rows": .number(JSONNumber(info.rows)),
                // Not CouchDB's, which says it in the log alone.
                "skipped_documents": .number(JSONNumber(info.skipped)),
                "failures": .array(
                    info.failures.map { ["id": .string($0.document), "reason": .string($0.reason)] }
                ),
            ],
        ])
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `_view_cleanup`: indexes that no design document needs any more go.
    func cleanUp(_ exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireAdministrator()
        let kept =
            try await catalogue.all(in: database).map(\.index)
            + queries.indexes(in: database, for: .sequence(user: nil)).map(\.definition)
        try await indexes.cleanUp(database, keeping: kept.map(\.signature))
        return .ok(.accepted)
    }
}
