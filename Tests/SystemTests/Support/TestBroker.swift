import Contracts
import Logging
import Messaging

/// A connection to the system's broker, as a back end has one.
enum TestBroker {
    /// Lends one that is connected.
    ///
    /// - Parameter topology: What is declared for the test.
    static func with<Result>(
        _ system: RunningSystem,
        topology: Topology = Topology(),
        _ body: (MessageBroker) async throws -> Result
    ) async throws -> Result {
        let broker = MessageBroker(
            try MessagingConfiguration(url: system.amqp),
            topology: topology,
            logger: Logger(label: "tests")
        )
        let running = Task { try await broker.run() }
        defer { running.cancel() }
        try await broker.waitUntilConnected(within: .seconds(120))
        return try await body(broker)
    }
}
