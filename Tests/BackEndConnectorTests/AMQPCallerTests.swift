import Contracts
import Foundation
import JSON
import Logging
import Messaging
import Projects
import TestSupport
import Testing

@testable import BackEndConnector

@Suite(.virtualHost) struct AMQPCallerTests {
    @Test func `a message is published with a confirm, and comes as the project says`() async throws {
        let broker = try await OtherBroker.start()
        let connector = try await BrokerConnector(
            """
            placed:
              publish:
                exchange: erp.orders
                routingKey: orders.{number}
                headers: {X-Kind: "{kind}"}
                json: {number: "{number}", lines: "{lines}"}
            lost: {publish: {exchange: erp.orders, routingKey: nowhere, json: {}}}
            let: {publish: {exchange: erp.orders, routingKey: nowhere, json: {}, mandatory: false}}
            missing: {publish: {exchange: no.such, routingKey: x, json: {}}}
            """
        )
        let values: JSONObject = ["number": 5, "kind": "new", "lines": [1, 2]]
        #expect(try await connector.call("placed", values).get() == ["published": true])
        let message = try #require(await broker.first)
        #expect(message.routingKey == "orders.5")
        #expect(message.headers["X-Kind"] == .string("new"))
        #expect(message.messageID == "run/1")
        #expect(message.contentType == "application/json")
        #expect(try JSONValue(parsing: message.body) == ["number": 5, "lines": [1, 2]])
        #expect(connector.reason(of: await connector.call("lost"))?.code == "unroutable")
        #expect(try await connector.call("let").get() == ["published": true])
        let missing = try #require(connector.reason(of: await connector.call("missing")))
        #expect(missing.code == "amqp_error")
        #expect(missing.details["code"] == 404)
        await connector.close()
        await broker.stop()
    }

    @Test func `a request has its reply, or a timeout`() async throws {
        let broker = try await OtherBroker.start()
        let connector = try await BrokerConnector(
            """
            price: {request: {routingKey: erp.price, json: {part: "{part}"}}}
            text: {request: {routingKey: erp.price, json: {part: "{part}"}, answer: text}}
            never: {request: {routingKey: erp.silent, json: {}}, timeout: 1s}
            nobody: {request: {routingKey: erp.nobody, json: {}}}
            """
        )
        let answer = try await connector.call("price", ["part": "bolt"]).get()
        #expect(answer["body"] == ["echo": ["part": "bolt"]])
        #expect(try await connector.call("text", ["part": 1]).get()["body"] == #"{"echo":{"part":1}}"#)
        var late = try #require(connector.reason(of: await connector.call("never")))
        // Its time may be over before it was sent.
        while late.effect == .none { late = try #require(connector.reason(of: await connector.call("never"))) }
        #expect(late.code == "timeout")
        #expect(late.effect == .unknown)
        #expect(connector.reason(of: await connector.call("nobody"))?.code == "unroutable")
        await connector.close()
        await broker.stop()
    }

    @Test func `a broker that is not there got nothing, and one that refuses says so`() async throws {
        let away = try await BrokerConnector("a: {publish: {routingKey: x, json: {}}}", port: 1)
        let failure = try #require(away.reason(of: await away.call("a")))
        #expect(failure.code == "connect_failed")
        #expect(failure.effect == .none)
        await away.close()
        let stranger = try await BrokerConnector("a: {publish: {routingKey: x, json: {}}}", password: "wrong")
        #expect(stranger.reason(of: await stranger.call("a"))?.code == "amqp_login_failed")
        await stranger.close()
        let refused = try await BrokerConnector("a: {publish: {routingKey: x, json: {}}}", addresses: "private")
        #expect(refused.reason(of: await refused.call("a"))?.code == "address_refused")
        await refused.close()
    }
}

/// The back end's side: an exchange with a queue, and somebody who answers.
private final class OtherBroker: Sendable {
    private let broker: MessageBroker
    private let messages: AsyncStream<IncomingMessage>
    private let tasks: [Task<Void, any Error>]

    /// The first message of the queue of orders.
    var first: IncomingMessage? {
        get async { await messages.first { _ in true } }
    }

    static func start() async throws -> OtherBroker {
        let broker = try OtherBroker()
        try await broker.broker.waitUntilConnected(within: .seconds(120))
        return broker
    }

    private init() throws {
        let work = Queue.Kind.work(deliveryLimit: 5, deadLetterQueue: nil)
        let orders = Queue("erp.orders.queue", work)
        let topology = Topology(
            exchanges: [Exchange("erp.orders", .topic)],
            queues: [orders, Queue("erp.price", work), Queue("erp.silent", work)],
            bindings: [Binding(exchange: "erp.orders", queue: orders.name, routingKey: "orders.*")]
        )
        var messaging = try MessagingConfiguration(url: TestVirtualHost.address)
        (messaging.connectTimeout, messaging.confirmTimeout) = (.seconds(60), .seconds(300))
        let broker = MessageBroker(
            messaging,
            topology: topology,
            logger: Logger(label: "tests")
        )
        self.broker = broker
        let (stream, continuation) = AsyncStream.makeStream(of: IncomingMessage.self)
        messages = stream
        tasks = [
            Task { try await broker.run() },
            Task {
                try await broker.consume(orders.name, concurrency: 1) { delivery in
                    continuation.yield(delivery.message)
                    delivery.acknowledge()
                }
            },
            Task {
                try await broker.consume("erp.price", concurrency: 1) { delivery in
                    let message = delivery.message
                    let body = Array(#"{"echo":"#.utf8) + message.body + Array("}".utf8)
                    try? await broker.reply(to: message, body: body, contentType: "application/json")
                    delivery.acknowledge()
                }
            },
        ]
    }

    func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
    }
}

/// A project with an AMQP connector, and the caller that carries out its transactions.
private struct BrokerConnector: TestBackEnd {
    private let caller: AMQPCaller
    private let connector: AMQPConnector

    init(
        _ transactions: String,
        port: Int? = nil,
        password: String? = nil,
        addresses: String = "loopback"
    ) async throws {
        let address = try #require(URLComponents(string: TestVirtualHost.address))
        let indented = transactions.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        let right = address.password ?? ""
        let project = try Project.read([
            "project.yaml": "project: p\nsymbols: {PASSWORD: {secret: true}}\n",
            "connectors/broker.yaml": """
            type: amqp
            host: 127.0.0.1
            port: \(port ?? address.port ?? 0)
            virtualHost: \(address.path.dropFirst().removingPercentEncoding ?? "/")
            user: \(address.user ?? "")
            password: ${PASSWORD}
            tls: none
            addresses: [\(addresses)]
            transactions:
            \(indented)
            """,
        ]) { _ in password ?? right }
        guard case .amqp(let connector)? = project.connectors["broker"]?.kind else { throw MissingConnector() }
        self.connector = connector
        caller = AMQPCaller(
            lanes: ConnectorLanes(policy: .init(), places: 128),
            addresses: .forTests(),
            files: PEMFiles(),
            logger: Logger(label: "tests")
        )
    }

    var target: AMQPConnector { connector }
    var transactions: [String: AMQPTransaction] { connector.transactions }

    func carryOut(_ call: AMQPCaller.Call) async throws(Failure) -> JSONValue { try await caller.run(call) }

    func close() async { await caller.close() }
}
