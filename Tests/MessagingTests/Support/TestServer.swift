import Contracts
import Foundation
import Logging
import Messaging
import Testing

/// The broker that the tests use, from the environment.
enum TestServer {
    /// An AMQP URL; its user may do everything.
    static let url = ProcessInfo.processInfo.environment["FULLSYNC_TEST_AMQP_URL"]
    /// The same broker by TLS, with the parameters that make it trusted.
    static let secureURL = ProcessInfo.processInfo.environment["FULLSYNC_TEST_AMQPS_URL"]
    /// A command that runs `rabbitmqctl` on that broker.
    static let control = ProcessInfo.processInfo.environment["FULLSYNC_TEST_RABBITMQCTL"]

    static let host = "127.0.0.1"

    /// The port of `url`.
    static var port: Int {
        url.flatMap(URLComponents.init)?.port ?? 5_672
    }

    /// `url` with another port, user, password or virtual host.
    static func url(
        port: Int? = nil,
        user: String? = nil,
        password: String? = nil,
        virtualHost: String? = nil
    ) throws -> String {
        var components = try #require(url.flatMap(URLComponents.init))
        components.host = host
        components.port = port ?? components.port
        components.user = user ?? components.user ?? "guest"
        components.password = password ?? components.password ?? "guest"
        components.path = virtualHost.map { "/\($0)" } ?? components.path
        return try #require(components.string)
    }

    /// Runs `rabbitmqctl`.
    @discardableResult
    static func rabbitmqctl(_ arguments: String...) async throws -> String {
        let command = try #require(control)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command)
        process.arguments = arguments
        // Erlang touches a terminal that it finds there, which stops a process in the background.
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let result = Result {
                    let ended = DispatchSemaphore(value: 0)
                    process.terminationHandler = { _ in ended.signal() }
                    try process.run()
                    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                    ended.wait()
                    guard process.terminationStatus == 0 else { throw ControlError(text: text) }
                    return text
                }
                continuation.resume(with: result)
            }
        }
    }

    /// Runs `body` while the broker has an alarm for memory, which it feels for all of its connections.
    static func withMemoryAlarm(_ body: () async throws -> Void) async throws {
        try await rabbitmqctl("set_vm_memory_high_watermark", "0")
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        // Not cut short when the test has taken too long: the other tests need the broker.
        _ = try await Task { try await rabbitmqctl("set_vm_memory_high_watermark", "0.4") }.value
        try outcome.get()
    }

    struct ControlError: Error {
        let text: String
    }
}

extension Trait where Self == ConditionTrait {
    /// Only with a broker.
    static var needsBroker: ConditionTrait {
        .enabled(if: TestServer.url != nil, "FULLSYNC_TEST_AMQP_URL is not set")
    }

    /// Only with a broker by TLS.
    static var needsSecureBroker: ConditionTrait {
        .enabled(if: TestServer.secureURL != nil, "FULLSYNC_TEST_AMQPS_URL is not set")
    }

    /// Only with a broker whose alarms may be set.
    static var needsControl: ConditionTrait {
        .enabled(if: TestServer.control != nil, "FULLSYNC_TEST_RABBITMQCTL is not set")
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

/// A configuration with short pauses.
func configuration(
    _ url: String? = nil,
    _ change: (inout MessagingConfiguration) -> Void = { _ in }
) throws -> MessagingConfiguration {
    var configuration = try MessagingConfiguration(url: url ?? TestServer.url())
    configuration.connectionName = "MessagingTests"
    configuration.reconnectDelay = .milliseconds(20)
    configuration.maximumReconnectDelay = .milliseconds(200)
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
        try await broker.waitUntilConnected()
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
