import Contracts
import Logging
import Messaging
import Synchronization

/// Takes messages out of the broker and sends them again: late, twice, and in another order.
///
/// A message is acknowledged only when its copies are with the broker, so whatever dies meanwhile makes more of it and
/// loses none.
final class Meddler: Sendable {
    private static let mark = "x-fault-copy"
    private static let ownQueue = "fault-tests.changes"
    /// How many are held back at once.
    private static let hands = 40

    private let broker: MessageBroker
    private let life: Task<Void, any Error>
    private let sent = Mutex(0)

    init(_ system: FaultySystem) throws {
        var logger = Logger(label: "meddler")
        logger.logLevel = .critical
        var configuration = try MessagingConfiguration(url: system.amqp)
        configuration.confirmTimeout = .seconds(10)
        configuration.maximumReconnectDelay = .seconds(1)
        let own = Topology(
            queues: [Queue(Self.ownQueue, .ofConnection(maxLength: 1_000))],
            bindings: [Binding(exchange: ExchangeName.changes, queue: Self.ownQueue, routingKey: "#")]
        )
        let broker = MessageBroker(configuration, topology: .shared + own, logger: logger)
        self.broker = broker
        life = Task { try await broker.run() }
    }

    /// How many copies were sent.
    var copies: Int { sent.withLock(\.self) }

    func end() async {
        life.cancel()
        _ = try? await life.value
    }

    /// Takes what comes in that time, and then sends it.
    func meddle(with mail: Fault.Mail, for duration: Duration) async {
        let isOver = Gate()
        let consuming = Task {
            try? await broker.consume(Self.queue(of: mail), prefetch: Self.hands) { delivery in
                await isOver.wait()
                await self.repeated(delivery)
            }
        }
        try? await Task.sleep(for: duration)
        // From here on nothing is taken; what is in hand is sent.
        consuming.cancel()
        await isOver.open()
        await consuming.value
    }

    private func repeated(_ delivery: consuming Delivery) async {
        var message = delivery.message
        // A copy is somebody else's.
        guard message.headers[Self.mark] == nil else { return delivery.giveBack() }
        message.properties.headers["x-delivery-count"] = nil
        message.properties.headers[Self.mark] = .bool(true)
        for _ in 1...2 {
            try? await Task.sleep(for: .milliseconds(.random(in: 0...2_500)))
            guard (try? await broker.publish(Self.copy(message))) != nil else { return delivery.giveBack() }
            sent.withLock { $0 += 1 }
        }
        delivery.acknowledge()
    }

    private static func copy(_ message: IncomingMessage) -> OutgoingMessage {
        OutgoingMessage(
            exchange: message.exchange,
            routingKey: message.routingKey,
            body: message.body,
            contentType: message.contentType,
            messageID: message.messageID,
            correlationID: message.correlationID,
            replyTo: message.replyTo,
            headers: message.headers,
            isPersistent: message.properties.isPersistent
        )
    }

    private static func queue(of mail: Fault.Mail) -> String {
        switch mail {
        case .runs: QueueName.runs
        case .notifications: QueueName.notifications
        case .connectorCalls: QueueName.connectorCalls
        case .changeEvents: ownQueue
        }
    }
}

/// Lets nobody through until it is opened.
private actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}
