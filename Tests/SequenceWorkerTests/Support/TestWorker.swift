import Contracts
import ControlStore
import DocumentStore
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import Projects
import ScriptHosting
import TestSupport
import Testing
import ViewIndexes

@testable import SequenceWorker

/// What a worker takes calls by, in this process, with the database and the virtual host of the running test.
struct TestWorker {
    let store: DocumentStore
    let control: ControlStore
    let broker: MessageBroker
    let requests: RequestClient
    private let consumer: CallConsumer
    private let claims: ClaimKeeper

    var client: PostgresClient { store.client }

    /// Lends one with the project `shop`, which takes no calls yet.
    ///
    /// - Parameters:
    ///   - patience: For how long it tries what fails.
    ///   - lease: How long its claims last; each third of that it looks whether it has them.
    static func with(
        patience: Duration = .seconds(600),
        lease: Duration = .seconds(600),
        _ body: (TestWorker) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let store = try await TestRun.store(logger)
        let scripts = TestRun.scripts(logger)
        var messaging = try MessagingConfiguration(url: TestVirtualHost.address)
        (messaging.connectTimeout, messaging.confirmTimeout) = (.seconds(60), .seconds(300))
        let broker = MessageBroker(
            messaging,
            topology: .shared,
            logger: logger
        )
        let requests = RequestClient(broker)
        let tasks = [
            Task { await scripts.run() }, Task { _ = try? await broker.run() }, Task { _ = try? await requests.run() },
        ]
        try await attempt {
            try await broker.waitUntilConnected(within: .seconds(120))
            try await store.createDatabase("db")
            let parts = (store: store, broker: broker, requests: requests, scripts: scripts)
            try await body(try await make(parts, patience: patience, lease: lease, logger))
        } finally: {
            for task in tasks { task.cancel() }
            for task in tasks { await task.value }
            await store.client.close()
        }
    }

    private static func make(
        _ parts: (store: DocumentStore, broker: MessageBroker, requests: RequestClient, scripts: ScriptHostPool),
        patience: Duration,
        lease: Duration,
        _ logger: Logger
    ) async throws -> TestWorker {
        let control = ControlStore(parts.store.client, logger: logger)
        _ = try await control.deploy(project: "shop", files: files, digest: "d", by: "tests")
        let catalogue = ProjectCatalogue(control, symbols: { _ in nil }, logger: logger)
        try await catalogue.refresh()
        let runner = SequenceRunner(
            catalogue: catalogue,
            store: parts.store,
            control: control,
            scripts: parts.scripts,
            connectors: ConnectorCaller(requests: parts.requests, control: control),
            queries: DocumentQueries(parts.store, parts.scripts, holder: "test", logger),
            broker: parts.broker,
            passwords: PasswordHasher(),
            cancellations: RunCancellations(),
            logger: logger
        )
        let claims = ClaimKeeper(control: control, worker: "w", lease: lease, logger: logger)
        let consumer = CallConsumer(
            queue: QueueName.calls,
            broker: parts.broker,
            control: control,
            catalogue: catalogue,
            runner: runner,
            claims: claims,
            concurrency: 2,
            logger: logger,
            patience: patience
        )
        return TestWorker(
            store: parts.store,
            control: control,
            broker: parts.broker,
            requests: parts.requests,
            consumer: consumer,
            claims: claims
        )
    }

    private static let files = [
        "project.yaml": "project: shop\n",
        "databases/db/database.yaml": "description: what is sold\n",
        "connectors/store.yaml": "type: fullsync\ndatabase: db\n",
        "connectors/erp.yaml": """
        type: http
        baseUrl: http://erp.example.com
        transactions:
          send: {method: PUT, path: /, json: {a: "{a}", b: "{b}"}, idempotent: true}
        """,
        "sequences/greet.yaml": "variables: {name: {}}\nsteps: [{output: {hello: =name}}]\n",
        // Goes on when there is a document of that name.
        "sequences/wait.yaml": """
        variables: {until: {type: string}}
        steps:
          - set: {seen: false}
          - while: "!seen"
            do:
              - sleep: 20ms
              - callTransaction: store.allDocs
                with: {key: =until}
                as: found
              - set: {seen: =found.rows.length > 0}
        """,
        "sequences/ask.yaml": """
        steps:
          - callTransaction: erp.send
            with: {a: 1, b: 2}
        """,
        "sequences/askTooMuch.yaml": """
        steps:
          - callTransaction: erp.send
            with: {a: ="x".repeat(9000000), b: ="y".repeat(9000000)}
        """,
    ]

    // MARK: - Calling

    /// Takes calls while the body runs.
    func taking<Result>(_ body: () async throws -> Result) async throws -> Result {
        let taking = Task { [consumer] in try await consumer.run() }
        let keeping = Task { [claims] in try await claims.run() }
        defer {
            taking.cancel()
            keeping.cancel()
        }
        return try await body()
    }

    /// A call as a back end makes it.
    func call(_ sequence: String, _ members: JSONObject = [:], run: String = UUID().uuidString) -> OutgoingMessage {
        let call: JSONObject = ["run": .string(run), "project": "shop", "sequence": .string(sequence)]
        return OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: QueueName.calls,
            body: JSONValue.object(call.merging(members)).bytes
        )
    }

    /// How a call ended.
    func answer(_ call: OutgoingMessage) async throws -> SequenceAnswer.Outcome {
        try SequenceAnswer(body: try await requests.request(call, timeout: .seconds(500), expires: false).body).outcome
    }

    /// The code of the failure of a call; nil when it succeeded.
    func failure(of call: OutgoingMessage) async throws -> String? {
        guard case .failed(let failure) = try await answer(call) else { return nil }
        return failure.code
    }

    /// How often the run was attempted.
    func attempts(at run: String) async throws -> Int? {
        try await control.run(run)?["attempts"]?.intValue
    }

    /// Lets PostgreSQL refuse to write runs down so many times.
    ///
    /// - Parameter change: `INSERT`, or `UPDATE` for those that end.
    func refuse(_ change: String, times: Int, code: String = "57P03") async throws {
        try await client.execute("CREATE SEQUENCE tries")
        try await client.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('tries') <= \(unescaped: String(times)) THEN
                    RAISE EXCEPTION 'not now' USING ERRCODE = '\(unescaped: code)';
                END IF;
                RETURN NEW;
            END
            $$
            """
        )
        let state = change == "INSERT" ? "running" : "succeeded"
        try await client.execute(
            """
            CREATE TRIGGER refuse BEFORE \(unescaped: change) ON runs FOR EACH ROW
                WHEN (NEW.state = '\(unescaped: state)') EXECUTE FUNCTION refuse()
            """
        )
    }

    /// How often runs were tried to be written down since ``refuse(_:times:code:)``.
    func tries() async throws -> Int64? {
        try await client.query("SELECT last_value FROM tries").first?.decode(Int64.self, at: 0)
    }
}
