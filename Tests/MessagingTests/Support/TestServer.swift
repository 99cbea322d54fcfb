import Contracts
import Foundation
import Logging
import Messaging
import TestMessaging
import TestSupport
import Testing

extension ConnectionState {
    /// Connected, whatever alarm another test causes.
    var isUp: Bool {
        switch self {
        case .connected, .blocked: true
        case .disconnected, .closed: false
        }
    }
}

/// The broker that the tests use: the running test's virtual host on it.
enum TestServer {
    /// The broker's port.
    static var port: Int {
        get throws { try #require(URLComponents(string: TestVirtualHost.address)?.port) }
    }

    /// The broker's URL, with another port, password or virtual host.
    static func url(port: Int? = nil, password: String? = nil, virtualHost: String? = nil) throws -> String {
        var components = try #require(URLComponents(string: TestVirtualHost.address))
        components.port = port ?? components.port
        components.password = password ?? components.password
        components.path = virtualHost.map { "/\($0)" } ?? components.path
        return try #require(components.string)
    }

    /// The running test's virtual host, as an Erlang binary.
    static var virtualHost: String {
        get throws { "<<\"\(try #require(TestVirtualHost.address.split(separator: "/").last))\">>" }
    }

    /// Runs `body` while the broker has an alarm for memory, which it feels for all of its connections.
    static func withMemoryAlarm(_ body: () async throws -> Void) async throws {
        try await TestServers.evaluateInRabbitMQ("vm_memory_monitor:set_vm_memory_high_watermark(0.0).")
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        // Not cut short when the test has taken too long: the other tests need the broker.
        try await Task {
            try await TestServers.evaluateInRabbitMQ("vm_memory_monitor:set_vm_memory_high_watermark(0.4).")
        }.value
        try outcome.get()
    }

    /// Deletes a queue with all that is in it, as an operator does.
    static func deleteQueue(_ name: String) async throws {
        try await TestServers.evaluateInRabbitMQ(
            """
            {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(\(virtualHost), queue, <<"\(name)">>)),
            {ok, _} = rabbit_amqqueue:delete(Queue, false, false, <<"test">>).
            """
        )
    }

    /// Gives a queue a limit, after which it refuses messages or drops them, as its declaration says.
    static func limit(_ queue: String, toMessages count: Int) async throws {
        try await TestServers.evaluateInRabbitMQ(
            """
            ok = rabbit_policy:set(\(virtualHost), <<"limit">>, <<"^\(queue)$">>,
                [{<<"max-length">>, \(count)}], 0, <<"queues">>, <<"test">>).
            """
        )
    }

    /// Closes the connections whose clients call themselves so.
    ///
    /// - Throws: when there are not so many of them.
    static func closeConnections(named name: String, count: Int) async throws {
        try await TestServers.evaluateInRabbitMQ(
            """
            Own = [Process || [{pid, Process}, {client_properties, Properties}]
                <- rabbit_networking:connection_info_all([pid, client_properties]),
                is_list(Properties), lists:member({<<"connection_name">>, longstr, <<"\(name)">>}, Properties)],
            \(count) = length(Own),
            [rabbit_networking:close_connection(Process, "test") || Process <- Own].
            """
        )
    }
}

extension Trait where Self == ConditionTrait {
    /// Only with a broker that is the tests' own: they give it alarms, policies and certificates.
    static var needsPrivateBroker: ConditionTrait {
        .enabled(if: TestServers.hasPrivateRabbitMQ, "FULLSYNC_TEST_AMQP_URL names another broker")
    }
}

/// Names that no other test uses.
struct Names {
    let prefix = "test.\(String(UInt64.random(in: .min ... .max), radix: 36))"

    var queue: String { "\(prefix).queue" }
    var deadLetters: String { "\(prefix).dead" }
    var exchange: String { "\(prefix).exchange" }

    /// A queue of work and its dead-letter queue.
    func work(deliveryLimit: Int = 20) -> Topology {
        Topology(queues: [
            Queue(deadLetters, .work(deliveryLimit: 0, deadLetterQueue: nil)),
            Queue(queue, .work(deliveryLimit: deliveryLimit, deadLetterQueue: deadLetters)),
        ])
    }

    func message(_ number: Int) -> OutgoingMessage {
        OutgoingMessage(exchange: "", routingKey: queue, body: Array("\(number)".utf8), isMandatory: true)
    }
}

extension MessageBroker {
    /// Waits until the queue takes messages, for tests that count them.
    ///
    /// Before it has a leader, messages of a batch may come again because another one was not accepted.
    func warmUp(_ names: Names) async throws {
        try await publish(names.message(-1))
        _ = try await take(1, from: names.queue)
    }
}

/// A configuration with short pauses.
func configuration(
    _ url: String? = nil,
    _ change: (inout MessagingConfiguration) -> Void = { _ in }
) throws -> MessagingConfiguration {
    var configuration = try MessagingConfiguration(url: url ?? TestServer.url())
    configuration.connectionName = "MessagingTests"
    configuration.reconnectDelay = .milliseconds(20)
    configuration.maximumReconnectDelay = .milliseconds(200)
    // A broker whose disk is slow is not what most tests are about.
    configuration.connectTimeout = .seconds(60)
    configuration.handlerGracePeriod = .seconds(5)
    // Longer than the alarm that another test causes.
    configuration.confirmTimeout = .seconds(100)
    change(&configuration)
    return configuration
}

/// A logger that says nothing but errors.
let quietLogger: Logger = {
    var logger = Logger(label: "MessagingTests")
    logger.logLevel = ProcessInfo.processInfo.environment["FULLSYNC_TEST_VERBOSE"] == nil ? .error : .trace
    return logger
}()

/// Runs a broker for as long as `body` takes, and sees it close.
@discardableResult
func withBroker<Result: Sendable>(
    _ topology: Topology = Topology(),
    _ configuration: MessagingConfiguration? = nil,
    _ body: @Sendable (MessageBroker) async throws -> Result
) async throws -> Result {
    let broker = MessageBroker(
        try configuration ?? MessagingTests.configuration(),
        topology: topology,
        logger: quietLogger
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await broker.run() }
        try await broker.waitUntilConnected(within: .seconds(120))
        let result = try await body(broker)
        group.cancelAll()
        try await group.waitForAll()
        #expect(broker.state == .closed)
        return result
    }
}

/// Runs `operation` for as long as `body` takes.
@discardableResult
func whileRunning<Result: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Void,
    _ body: () async throws -> Result
) async throws -> Result {
    let task = Task { try await operation() }
    do {
        let result = try await body()
        task.cancel()
        try await task.value
        return result
    } catch {
        task.cancel()
        _ = try? await task.value
        throw error
    }
}

extension IncomingMessage {
    var text: String { String(decoding: body, as: UTF8.self) }
}
