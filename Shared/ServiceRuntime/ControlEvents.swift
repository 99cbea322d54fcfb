package import Contracts
package import Logging
package import Messaging
import ServiceLifecycle

/// Hears what is said to every process at once, on a queue of this connection's own.
package struct ControlEvents: Service {
    private let broker: MessageBroker
    private let queue: String
    private let logger: Logger
    private let handle: @Sendable (ControlEvent) async -> Void

    /// The queue of one process, whose name nobody else has, bound to what is said to all.
    package struct Subscription: Sendable {
        package let queue = "fullsync.control.\(String(UInt64.random(in: .min ... .max), radix: 36))"

        package init() {}

        /// What the broker must declare for it.
        package var topology: Topology {
            Topology(
                queues: [Queue(queue, .ofConnection(maxLength: 1_000))],
                bindings: [Binding(exchange: ExchangeName.control, queue: queue, routingKey: "")]
            )
        }
    }

    package init(
        _ subscription: Subscription,
        broker: MessageBroker,
        logger: Logger,
        handle: @escaping @Sendable (ControlEvent) async -> Void
    ) {
        queue = subscription.queue
        self.broker = broker
        self.logger = logger
        self.handle = handle
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await broker.consume(queue, prefetch: 16, concurrency: 1) { delivery in
                if let event = try? ControlEvent(body: delivery.message.body) { await handle(event) }
                delivery.acknowledge()
            }
        }
    }
}

extension MessageBroker {
    /// Says something to every process.
    ///
    /// Losing it costs the time until their next regular look.
    ///
    /// - Parameter limit: How long a broker that is away is waited for.
    package func announce(_ event: ControlEvent, within limit: Duration = MessageBroker.hintLimit) async throws {
        let message = OutgoingMessage(
            exchange: ExchangeName.control,
            routingKey: "",
            body: event.body,
            contentType: "application/json",
            isPersistent: false
        )
        try await hint([message], within: limit)
    }
}
