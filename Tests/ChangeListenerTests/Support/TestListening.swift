import ControlStore
import CouchProtocol
import JSON
import Logging
import Postgres
import Projects
import ScriptHosting
import Synchronization
import TestScripts
import TestSupport
import Testing

@testable import ChangeListener
@testable import DocumentStore

/// A database `d` with a listener of all its documents and origins, over the PostgreSQL of the running test.
struct TestListening {
    static let follower = "listener/p/l"

    let control: ControlStore
    let store: DocumentStore
    let database: Database
    private let listener: Listener
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// - Parameter chunk: How many documents a run gets at most.
    static func make(chunk: Int = 10) async throws -> TestListening {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 4
        configuration.acquireTimeout = .seconds(120)
        let client = PostgresClient(configuration, logger: logger)
        try await client.migrate(DocumentStore.migrations, component: "documents")
        try await client.migrate(ControlStore.migrations, component: "control")
        let store = DocumentStore(client, logger: logger)
        try await store.createDatabase("d")
        let files = [
            "project.yaml": "project: p\n",
            "databases/d/database.yaml": "description: Documents.\n",
            "sequences/push.yaml": "variables:\n  doc: {type: object, multi: true}\nsteps: []\n",
            "listeners/l.yaml":
                "database: d\nall: true\norigin: any\non: [update, delete]\nchunk: \(chunk)\nsequence: push\n",
        ]
        return TestListening(
            control: ControlStore(client, logger: logger),
            store: store,
            database: try await store.database("d"),
            listener: try #require(try Project.read(files) { _ in nil }.listeners["l"])
        )
    }

    func close() async { await store.client.close() }

    /// A follower of the database, as a process of that name has it.
    func follower(holder: String, lease: Duration, renewal: Duration) -> Follower {
        Follower(
            name: Self.follower,
            database: database.name,
            control: control,
            store: store,
            signals: CommitSignals(store.client, logger: Self.logger),
            holder: holder,
            logger: Self.logger,
            startsNow: false,
            readsBehindLog: false,
            lease: lease,
            renewal: renewal
        )
    }

    /// Writes a document.
    @discardableResult
    func write(
        _ id: String,
        _ revision: DocumentEdit.Revision = .next(after: nil),
        _ body: String = "{}",
        deleted: Bool = false,
        tags: AskedTags = AskedTags(),
        by caller: Caller = .administrator(name: "admin"),
        traceID: String? = nil
    ) async throws -> EditOutcome {
        let edit = DocumentEdit(
            id: DocumentID(stored: id),
            revision: revision,
            isDeleted: deleted,
            body: DocumentBody(bytes: Array(body.utf8), isFaithfulInJSONB: true),
            tags: tags
        )
        return try await store.write([edit], to: database, by: caller, traceID: traceID)[0]
    }

    /// Has the listener hear all changes.
    ///
    /// - Parameter choice: What it chooses documents by; its view may compute for a moment only.
    /// - Returns: The ids of the runs that were made, in the stretches in which they were.
    func hear(_ choice: ListenerFilter.Choice = .all) async throws -> [[String]] {
        let stretches = Mutex<[[String]]>([])
        let runs = ListenerRuns(project: "p", listener: listener)
        let program = Executables.path("script-host")
        let scripts = ScriptHostPool(executable: program, hosts: 1, limits: .impatient, logger: Self.logger)
        let hosts = Task { await scripts.run() }
        let matcher = ListenerMatcher(
            runs: runs,
            filter: ListenerFilter(choice: choice, scripts: scripts, logger: Self.logger),
            store: store,
            control: control,
            announce: { ids in stretches.withLock { $0.append(ids) } },
            logger: Self.logger
        )
        let lease = try #require(try await control.acquireLease("l", holder: "test", for: .seconds(600)))
        let changes = try await store.committedChanges(in: database, since: 0, limit: 500)
        let end = Position(incarnation: database.originalIncarnation, seq: changes.last?.seq ?? 0)
        try await attempt {
            try await matcher.handle(changes, database, end, lease)
        } finally: {
            hosts.cancel()
            await hosts.value
        }
        #expect(try await control.position(of: Self.follower, in: database.name) == end)
        return stretches.withLock(\.self)
    }

    /// A run as its worker gets it.
    func claim(_ run: String) async throws -> ClaimedRun {
        try #require(try await control.claim(run: run, worker: "w", lease: .seconds(600)))
    }

    /// The documents of runs, run by run.
    func documents(_ runs: [String]) async throws -> [[String]] {
        var documents: [[String]] = []
        for run in runs {
            let list = try await claim(run).variables["doc"]?.arrayValue ?? []
            documents.append(list.compactMap { $0["_id"]?.stringValue })
        }
        return documents
    }
}
