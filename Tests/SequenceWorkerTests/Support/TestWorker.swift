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
    private let consumers: [CallConsumer]
    private let claims: ClaimKeeper

    var client: PostgresClient { store.client }

    /// Lends one with the project `shop`, which takes no calls yet.
    ///
    /// - Parameters:
    ///   - patience: For how long it tries what fails.
    ///   - lease: How long its claims last; each third of that it looks whether it has them.
    ///   - places: How many calls it has in hand.
    ///   - shares: Whether projects have shares of them.
    ///   - takesHeld: Whether it takes what is over, too.
    static func with(
        patience: Duration = .seconds(600),
        lease: Duration = .seconds(600),
        places: Int = 2,
        shares: Bool = false,
        takesHeld: Bool = true,
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
            let settings = Settings(patience, lease, places: places, shares: shares, takesHeld: takesHeld)
            try await body(try await make(parts, settings, logger))
        } finally: {
            for task in tasks { task.cancel() }
            for task in tasks { await task.value }
            await store.client.close()
        }
    }

    private static func make(
        _ parts: (store: DocumentStore, broker: MessageBroker, requests: RequestClient, scripts: ScriptHostPool),
        _ settings: Settings,
        _ logger: Logger
    ) async throws -> TestWorker {
        let control = ControlStore(parts.store.client, logger: logger)
        let clock = try await DatabaseClock(control)
        _ = try await control.deploy(project: "shop", files: files, digest: "d", by: "tests")
        _ = try await control.deploy(project: "office", files: otherFiles, digest: "d", by: "tests")
        let catalogue = ProjectCatalogue(control, symbols: { _ in nil }, logger: logger)
        try await catalogue.refresh()
        let runner = SequenceRunner(
            catalogue: catalogue,
            store: parts.store,
            control: control,
            scripts: parts.scripts,
            connectors: ConnectorCaller(requests: parts.requests, control: control, clock: clock),
            queries: DocumentQueries(parts.store, parts.scripts, holder: "test", logger),
            broker: parts.broker,
            passwords: PasswordHasher(),
            cancellations: RunCancellations(),
            logger: logger
        )
        let claims = ClaimKeeper(control: control, worker: "w", lease: settings.lease, logger: logger)
        let inHand = CallsInHand()
        let consumers = settings.consumers.map { queue, concurrency, shares in
            CallConsumer(
                queue: queue,
                broker: parts.broker,
                control: control,
                catalogue: catalogue,
                runner: runner,
                claims: claims,
                clock: clock,
                concurrency: concurrency,
                inHand: inHand,
                shares: shares,
                logger: logger,
                patience: settings.patience
            )
        }
        return TestWorker(
            store: parts.store,
            control: control,
            broker: parts.broker,
            requests: parts.requests,
            consumers: consumers,
            claims: claims
        )
    }

    /// How its calls are taken.
    private struct Settings {
        let patience: Duration
        let lease: Duration
        let consumers: [(queue: String, concurrency: Int, shares: CallShares?)]

        init(_ patience: Duration, _ lease: Duration, places: Int, shares: Bool, takesHeld: Bool) {
            self.patience = patience
            self.lease = lease
            let shares = shares ? CallShares(places) : nil
            let held = takesHeld ? shares.map { [(QueueName.heldCalls, $0.ofProject, CallShares?.none)] } ?? [] : []
            consumers = [(QueueName.calls, places, shares)] + held
        }
    }

    private static let otherFiles = [
        "project.yaml": "project: office\n",
        "sequences/greet.yaml": "variables: {name: {}}\nsteps: [{output: {hello: =name}}]\n",
    ]

    private static let files = [
        "project.yaml": "project: shop\n",
        "databases/db/database.yaml": "description: what is sold\n",
        "connectors/store.yaml": "type: fullsync\ndatabase: db\n",
        "connectors/erp.yaml": """
        type: http
        baseUrl: http://erp.example.com
        transactions:
          send: {method: PUT, path: /, json: {a: "{a}", b: "{b}"}, idempotent: true}
          order: {method: POST, path: /, json: {a: "{a}"}}
        """,
        "sequences/greet.yaml": "variables: {name: {}}\nsteps: [{output: {hello: =name}}]\n",
        // Makes a document of each row.
        "sequences/noteRows.yaml": """
        variables: {rows: {type: object, multi: true}}
        steps:
          - forEach: rows
            do:
              - callTransaction: store.postDocument
                with: {document: "={article: item.article}"}
        """,
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
        "sequences/order.yaml": """
        steps:
          - callTransaction: erp.order
            with: {a: 1}
            as: answer
          - output: =answer
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
        let taking = consumers.map { consumer in Task { try await consumer.run() } }
        let keeping = Task { [claims] in try await claims.run() }
        defer {
            for task in taking { task.cancel() }
            keeping.cancel()
        }
        return try await body()
    }

    /// A call as a back end makes it, of the project `shop` unless its members say otherwise.
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
        let state = change == "INSERT" ? "running" : "succeeded"
        try await refuse(change, on: "runs", when: "NEW.state = '\(state)'", times: times, code: code)
    }

    /// Lets PostgreSQL refuse to write down so many times what back ends have answered.
    func refuseAnswers(times: Int) async throws {
        try await refuse("INSERT", on: "effects", when: "NEW.answer IS NOT NULL", times: times, code: "57P03")
    }

    private func refuse(
        _ change: String,
        on table: String,
        when condition: String,
        times: Int,
        code: String
    ) async throws {
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
        try await client.execute(
            """
            CREATE TRIGGER refuse BEFORE \(unescaped: change) ON \(unescaped: table) FOR EACH ROW
                WHEN (\(unescaped: condition)) EXECUTE FUNCTION refuse()
            """
        )
    }

    /// How often was tried to write down what is refused.
    func tries() async throws -> Int64? {
        try await client.query("SELECT last_value FROM tries").first?.decode(Int64.self, at: 0)
    }
}
