import CouchProtocol
import DocumentStore
import Foundation
import JSON
import Logging
import Postgres
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// A database with indexes over it, on the PostgreSQL of the running test.
struct TestIndexes {
    let store: DocumentStore
    let indexes: ViewIndexes
    let database: Database
    let scripts: ScriptHostPool

    static let administrator = Caller.administrator(name: "admin")

    /// Lends one with script hosts that run.
    static func with(
        _ limits: ScriptLimits = .patient,
        _ body: (TestIndexes) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 6
        configuration.acquireTimeout = .seconds(120)
        let store = DocumentStore(PostgresClient(configuration, logger: logger), logger: logger)
        try await store.client.migrate(DocumentStore.migrations, component: "documents")
        try await store.client.migrate(ViewIndexes.migrations, component: "views")
        try await store.createDatabase("db", settings: DatabaseSettings())
        let program = Executables.path("script-host")
        let scripts = ScriptHostPool(executable: program, hosts: 2, limits: limits, logger: logger)
        let run = Task { await scripts.run() }
        try await attempt {
            try await body(
                TestIndexes(
                    store: store,
                    indexes: ViewIndexes(store, holder: UUID().uuidString, logger: logger),
                    database: try await store.database("db"),
                    scripts: scripts
                )
            )
        } finally: {
            run.cancel()
            await run.value
            await store.client.close()
        }
    }

    /// Writes documents, each over what is there.
    func put(_ documents: [(id: String, body: String)], tags: Tags = .none) async throws {
        let ids = documents.map { DocumentID(stored: $0.id) }
        let requests = ids.map { RevisionRequest(id: $0) }
        let known = try await store.fetch(requests, from: database, for: Self.administrator)
        let edits = try documents.map { id, text in
            let incoming = try IncomingDocument(parsing: Array(text.utf8))
            let id = DocumentID(stored: id)
            return DocumentEdit(
                id: id,
                revision: .next(after: known[RevisionRequest(id: id)]?.revision),
                isDeleted: incoming.isDeleted,
                body: DocumentBody(bytes: incoming.body, isFaithfulInJSONB: incoming.isFaithfulInJSONB),
                tags: AskedTags(tags)
            )
        }
        for start in stride(from: 0, to: edits.count, by: 1_000) {
            let stretch = Array(edits[start..<min(start + 1_000, edits.count)])
            for outcome in try await store.write(stretch, to: database, by: Self.administrator) {
                guard case .written = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
            }
        }
    }

    func put(_ id: String, _ body: String, tags: Tags = .none) async throws {
        try await put([(id, body)], tags: tags)
    }

    /// The views of a design document that was never stored.
    func views(_ design: String) throws -> DesignViews {
        let document = try JSONValue(parsing: design).objectValue ?? [:]
        return try #require(try DesignViews(.design("x"), document, scripts: scripts))
    }

    /// A design document with one view `v`.
    func view(_ map: String, reduce: String? = nil, options: JSONObject = [:]) throws -> DesignViews {
        var view: JSONObject = ["map": .string(map)]
        if let reduce { view["reduce"] = .string(reduce) }
        let document: JSONObject = ["views": ["v": .object(view)], "options": .object(options)]
        return try #require(try DesignViews(.design("x"), document, scripts: scripts))
    }

    /// The index of a design document, brought up to date.
    func index(_ views: DesignViews, isFresh: Bool = true) async throws -> ViewIndex {
        let index = try await indexes.index(views.index, in: database, reducers: views.reducers)
        return isFresh ? try await indexes.bringUpToDate(index) : index
    }

    /// The rows as `key=value@id`.
    func rows(
        _ index: ViewIndex,
        _ range: KeyRange = KeyRange(),
        by caller: Caller = administrator,
        page: Int = 100
    ) async throws -> [String] {
        var scan = ViewScan(index, place: 0, range: range, caller: caller)
        var found: [String] = []
        while true {
            let rows = try await scan.next(page, from: store.client)
            if rows.isEmpty { return found }
            found += rows.map { row in
                "\(String(decoding: row.key, as: UTF8.self))=\(String(decoding: row.value, as: UTF8.self))@\(row.id)"
            }
        }
    }

    /// The groups as `key=value`.
    func groups(
        _ index: ViewIndex,
        _ grouping: Grouping,
        _ range: KeyRange = KeyRange(),
        by caller: Caller = administrator,
        page: Int = 1_000
    ) async throws -> [String] {
        var scan = try ReduceScan(index, place: 0, range: range, grouping: grouping, caller: caller)
        var found: [String] = []
        while true {
            let rows = try await scan.next(page, in: indexes)
            if rows.isEmpty { return found }
            found += rows.map { row in
                "\(String(decoding: row.key, as: UTF8.self))=\(String(decoding: row.value, as: UTF8.self))"
            }
        }
    }
}
