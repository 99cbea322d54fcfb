import Contracts
import JSON
import Logging
import Messaging
import TestSupport

/// A back end that notifies, each time with an id; some notifications come twice.
actor Pings {
    private(set) var count = 0
    private static let burst = 1_000
    /// How many are sent again at once: the time for them is one.
    private static let stretch = 50
    private let broker: MessageBroker
    private let life: Task<Void, any Error>

    init(_ system: FaultySystem) throws {
        var logger = Logger(label: "pings")
        logger.logLevel = .critical
        var configuration = try MessagingConfiguration(url: system.amqp)
        configuration.confirmTimeout = .seconds(2)
        let topology = Topology(exchanges: [Exchange(ExchangeName.notifications, .topic)])
        let broker = MessageBroker(configuration, topology: topology, logger: logger)
        self.broker = broker
        life = Task { try await broker.run() }
    }

    func work(until end: ContinuousClock.Instant, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed &+ 300)
        // A burst first, of more than can be worked off at once.
        count = Self.burst
        try? await broker.publishAll((1...count).map(ping))
        while ContinuousClock.now < end {
            count += 1
            let twice = Int.random(in: 0..<4, using: &random) == 0
            // One that does not arrive is sent again at the end, as a back end with an outbox does.
            try? await broker.publishAll(twice ? [ping(count), ping(count)] : [ping(count)])
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &random)))
        }
    }

    /// Sends all of them once more.
    func repeatAll() async throws {
        for start in stride(from: 1, through: count, by: Self.stretch) {
            let stretch = (start..<min(start + Self.stretch, count + 1)).map(ping)
            try await patiently { [broker] in try await broker.publishAll(stretch) }
        }
    }

    func end() async {
        life.cancel()
        _ = try? await life.value
    }

    private func ping(_ number: Int) -> OutgoingMessage {
        OutgoingMessage(
            exchange: ExchangeName.notifications,
            routingKey: "\(FaultProject.name).ping",
            body: JSONValue.object(["n": .number(JSONNumber(number))]).bytes,
            contentType: "application/json",
            messageID: "ping-\(number)",
            isMandatory: true
        )
    }
}
