import Collation
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Mango
import Postgres
import TestSupport
import Testing

@testable import ViewIndexes

/// A database of one test, in which queries are asked as an endpoint asks them.
struct FindStage {
    let store: DocumentStore
    let indexes: ViewIndexes
    let catalogue: QueryCatalogue
    let database: Database

    static let administrator = Caller.administrator(name: "admin")

    static func make() async throws -> FindStage {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 4
        configuration.acquireTimeout = .seconds(120)
        let logger = Logger(label: "test")
        let store = DocumentStore(PostgresClient(configuration, logger: logger), logger: logger)
        try await store.client.migrate(DocumentStore.migrations, component: "documents")
        try await store.client.migrate(ViewIndexes.migrations, component: "views")
        try await store.createDatabase("db", settings: DatabaseSettings())
        return FindStage(
            store: store,
            indexes: ViewIndexes(store, holder: "test", logger: logger),
            catalogue: QueryCatalogue(store),
            database: try await store.database("db")
        )
    }

    func close() async { await store.client.close() }

    /// Writes a document over whatever there is; nil deletes it.
    func put(_ id: String, _ body: JSONObject?, tags: Tags = .none) async throws {
        let id = DocumentID(stored: id)
        let present = try await store.document(id, in: database, for: Self.administrator)
        guard body != nil || present?.isDeleted == false else { return }
        let edit = DocumentEdit(
            id: id,
            revision: .next(after: present?.isDeleted == false ? present?.revision : nil),
            isDeleted: body == nil,
            body: body.map { DocumentBody(bytes: JSONValue.object($0).bytes, isFaithfulInJSONB: true) } ?? .empty,
            tags: AskedTags(tags)
        )
        let outcome = try await store.write([edit], to: database, by: Self.administrator)[0]
        if case .refused(let error) = outcome { throw error }
    }

    /// Makes an index.
    @discardableResult
    func index(_ name: String, _ fields: [String], filter: JSONValue? = nil) async throws -> QueryIndex {
        var definition: JSONObject = ["fields": .array(fields.map(JSONValue.string))]
        if let filter { definition["partial_filter_selector"] = filter }
        let request = try IndexRequest(
            parsing: ["index": .object(definition), "ddoc": .string(name), "name": .string(name)]
        )
        let document = try request.added(to: nil)
        try await put(request.design.text, document)
        return QueryIndex.all(in: request.design, document)[0]
    }

    /// What a query found.
    struct Found {
        let documents: [JSONValue]
        let bookmark: Bookmark?
        let statistics: FindRun.Statistics
        let plan: FindPlan

        var ids: [String] { documents.compactMap { $0["_id"]?.stringValue } }
    }

    /// Asks a query.
    func find(_ body: JSONObject, _ caller: Caller = administrator) async throws -> Found {
        let request = try FindRequest(parsing: body)
        let known = try await catalogue.indexes(in: database, for: caller)
        let plan = try FindPlanner(request, indexes: known, collation: .unicode).plan()
        let ready = try await FindRun(request, plan, indexes: indexes, in: database, for: caller)
        var run = try #require(ready)
        var output = Array("[".utf8)
        while try await run.next(into: &output, separator: ",") {}
        output.append(UInt8(ascii: "]"))
        return Found(
            documents: try JSONValue(parsing: output).arrayValue ?? [],
            bookmark: run.place,
            statistics: run.statistics,
            plan: plan
        )
    }

    /// All documents but design documents, as the caller sees them.
    func all(_ caller: Caller) async throws -> [JSONValue] {
        var range = DocumentRange()
        range.limit = .max
        return try await store.documents(in: range, of: database, for: caller).filter { !$0.id.isDesign }
            .map { try JSONValue(parsing: OutgoingDocument($0).bytes) }
    }
}
