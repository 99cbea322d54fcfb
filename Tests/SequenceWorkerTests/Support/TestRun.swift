import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import JSON
import Logging
import Postgres
import Projects
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewIndexes

@testable import SequenceWorker
@testable import Sequences

/// A claimed run whose steps work on the database `db`, on the PostgreSQL of the running test.
struct TestRun {
    let store: DocumentStore
    let control: ControlStore
    let run: ClaimedRun
    let queries: DocumentQueries
    let definition: DatabaseDefinition

    /// The store of the running test, with all tables of a worker's.
    ///
    /// - Parameter address: Where PostgreSQL answers, when that is not the test's own server.
    static func store(_ logger: Logger, at address: String? = nil) async throws -> DocumentStore {
        var configuration = try PostgresConfiguration(url: try address ?? TestDatabase.address)
        configuration.maximumConnections = 6
        configuration.acquireTimeout = .seconds(120)
        let store = DocumentStore(PostgresClient(configuration, logger: logger), logger: logger)
        try await store.client.migrate(DocumentStore.migrations, component: "documents")
        try await store.client.migrate(ViewIndexes.migrations, component: "views")
        try await store.client.migrate(ControlStore.migrations, component: "control")
        return store
    }

    /// Script hosts, which do nothing until they run.
    static func scripts(_ logger: Logger) -> ScriptHostPool {
        ScriptHostPool(
            executable: Executables.path("script-host"),
            hosts: 1,
            limits: .patient,
            logger: logger
        )
    }

    /// Lends one with script hosts that run.
    static func with(at address: String? = nil, _ body: (TestRun) async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let store = try await store(logger, at: address)
        let scripts = scripts(logger)
        let hosts = Task { await scripts.run() }
        try await attempt {
            let project = try Project.read(Self.files) { _ in nil }
            let definition = try #require(project.databases["db"])
            try await store.createDatabase("db")
            let control = ControlStore(store.client, logger: logger)
            var new = NewRun(project: "shop", sequence: "work", cause: .listener, variables: [:], traceID: "t")
            new.lineage = ["listener/shop/l"]
            let id = try #require(try await control.make([new]).first)
            let run = try #require(try await control.claim(run: id, worker: "w", lease: .seconds(600)))
            try await body(
                TestRun(
                    store: store,
                    control: control,
                    run: run,
                    queries: DocumentQueries(store, scripts, holder: "test", logger),
                    definition: definition
                )
            )
        } finally: {
            hosts.cancel()
            await hosts.value
            await store.client.close()
        }
    }

    private static let files = [
        "project.yaml": "project: shop\n",
        "databases/db/database.yaml": "description: what is sold\n",
        "databases/db/design/shop/views/byPrice/map.js": "function (doc) { if (doc.price) emit(doc.price, doc.name); }",
        "databases/db/design/shop/views/stock/map.js": "function (doc) { emit([doc.shelf, doc._id], doc.count || 0); }",
        "databases/db/design/shop/views/stock/view.yaml": "reduce: _sum\n",
    ]

    /// The run as the next attempt has it, when the worker that had it is gone.
    func next() async throws -> TestRun {
        try await store.client.execute(
            "UPDATE runs SET claimed_until = now() - interval '1 second' WHERE id = \(UUID(uuidString: run.id))"
        )
        let claimed = try await control.claim(run: run.id, worker: "x", lease: .seconds(600))
        return TestRun(
            store: store,
            control: control,
            run: try #require(claimed),
            queries: queries,
            definition: definition
        )
    }

    /// Carries out a transaction for the step at that place.
    func call(
        _ transaction: FullSyncTransaction,
        _ variables: JSONObject = [:],
        step: Int = 1,
        user: String? = nil
    ) async throws -> JSONValue {
        let documents = FullSyncTransactions(
            run: run,
            store: store,
            control: control,
            queries: queries,
            definition: definition
        )
        return try await documents.call(
            transaction,
            try transaction.variables.bind(variables),
            at: Self.site(step, user: user)
        )
    }

    /// The place of that step of the run.
    static func site(_ step: Int, user: String? = nil, within limit: Duration = .seconds(600)) -> CallSite {
        let position = SourcePosition(file: "sequences/work.yaml", line: step, column: 1)
        return CallSite(
            sequence: SequenceDefinition(project: "shop", name: "work", body: StepBlock(steps: []), position: position),
            path: CallPath.root.step(step),
            position: position,
            identity: user.map { Identity(user: $0) },
            deadline: .now.advanced(by: limit)
        )
    }

    /// The code of the failure of a transaction; nil when it succeeds.
    func failure(
        _ transaction: FullSyncTransaction,
        _ variables: JSONObject = [:],
        step: Int = 1
    ) async throws -> String? {
        do {
            _ = try await call(transaction, variables, step: step)
            return nil
        } catch let failure as SequenceFailure {
            return failure.code.description
        }
    }
}
