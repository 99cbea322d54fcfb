import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import TestSupport

/// Back-end connectors as processes, with the database and the virtual host of the test, and the means to talk to them.
final class RunningConnector: Sendable {
    let client: PostgresClient
    let control: ControlStore
    let broker: MessageBroker
    let requests: RequestClient
    private let environment: [String: String]
    private let tasks: [Task<Void, any Error>]

    /// Makes the tables, deploys the project of the tests, and connects; starts no connector yet.
    ///
    /// - Parameter connector: The text of the project's connector, when it is another one.
    init(backEnd: String, timeout: String = "10s", connector: String? = nil) async throws {
        environment = [
            "FULLSYNC_POSTGRES_URL": try TestDatabase.address, "FULLSYNC_AMQP_URL": try TestVirtualHost.address,
            "FULLSYNC_SYMBOL_ERP_URL": backEnd, "FULLSYNC_SYMBOL_ERP_TOKEN": "token-of-erp",
        ]
        let logger = Logger(label: "tests")
        var postgres = try PostgresConfiguration(url: TestDatabase.address)
        (postgres.connectTimeout, postgres.acquireTimeout) = (.seconds(60), .seconds(120))
        client = PostgresClient(postgres, logger: logger)
        control = ControlStore(client, logger: logger)
        try await client.migrate(ControlStore.migrations, component: "control")
        var files = ConnectorProject.files(timeout: timeout)
        if let connector { files["connectors/erp.yaml"] = connector }
        _ = try await control.deploy(
            project: "p",
            files: files,
            digest: "d",
            by: "tests"
        )
        var messaging = try MessagingConfiguration(url: TestVirtualHost.address)
        (messaging.connectTimeout, messaging.confirmTimeout) = (.seconds(60), .seconds(300))
        let broker = MessageBroker(
            messaging,
            topology: .shared,
            logger: logger
        )
        self.broker = broker
        let requests = RequestClient(broker)
        self.requests = requests
        tasks = [Task { try await broker.run() }, Task { try await requests.run() }]
        try await broker.waitUntilConnected(within: .seconds(120))
    }

    /// Starts one more process, with settings besides.
    func start(_ settings: [String: String] = [:]) async throws -> TestService {
        let service = try await TestService.start("back-end-connector", environment.merging(settings) { $1 })
        _ = try await service.addresses()
        return service
    }

    func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
        await client.close()
    }

    /// Publishes what a back end would.
    func notify(
        _ routingKey: String,
        _ body: String,
        id: String? = nil,
        headers: [String: HeaderValue] = [:]
    ) async throws {
        var message = OutgoingMessage(
            exchange: ExchangeName.notifications,
            routingKey: routingKey,
            body: Array(body.utf8),
            contentType: "application/json",
            messageID: id,
            headers: headers,
            isMandatory: true
        )
        message.mayBeOversized = true
        try await broker.publish(message)
    }

    /// Publishes notifications of orders that have changed, whose ids are those of the messages too.
    func notify(_ ids: [String]) async throws {
        try await broker.publishAll(
            ids.map { id in
                OutgoingMessage(
                    exchange: ExchangeName.notifications,
                    routingKey: "p.changed",
                    body: Array("{\"ids\":[\"\(id)\"]}".utf8),
                    contentType: "application/json",
                    messageID: id,
                    isMandatory: true
                )
            }
        )
    }

    /// Asks for a transaction as a sequence worker does; as one of an earlier version unless the deadline is said.
    func call(
        _ transaction: String,
        _ variables: JSONObject = [:],
        session: String? = nil,
        until deadline: CallDeadline? = nil,
        headers: [String: HeaderValue] = [:]
    ) async throws -> Result<JSONValue, Failure> {
        let call = ConnectorCall(
            project: "p",
            version: 1,
            connector: "erp",
            transaction: transaction,
            variables: variables,
            idempotencyKey: "run/1",
            session: session,
            deadline: deadline ?? CallDeadline(byCaller: Int(Date().timeIntervalSince1970 * 1_000) + 500_000)
        )
        let message = OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: QueueName.connectorCalls,
            body: call.body,
            contentType: "application/json",
            headers: headers
        )
        return try ConnectorAnswer(body: try await requests.request(message, timeout: .seconds(500)).body).outcome
    }

    func countOfRuns() async throws -> Int {
        Int(try await client.query("SELECT count(*) FROM runs").first?.decode(Int64.self) ?? 0)
    }

    /// The runs that there are: sequence, cause, source, variables.
    func runs() async throws -> [(sequence: String, cause: String, source: String, variables: JSONValue)] {
        try await client.query("SELECT sequence, cause, source, variables FROM runs ORDER BY number").map { row in
            let (sequence, cause, source, variables) = try row.decode(
                String.self,
                String.self,
                String.self,
                [UInt8].self
            )
            return (sequence, cause, source, try JSONValue(parsing: variables))
        }
    }
}
