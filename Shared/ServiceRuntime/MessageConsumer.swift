import Contracts
package import Messaging
import ServiceLifecycle
import Telemetry

/// Takes the messages of a queue until the process is told to end; then finishes those that are in hand.
///
/// Each handler runs within the trace that its message came with, or a new one.
package struct MessageConsumer: Service {
    /// Settles the delivery; one that it drops is given back.
    package typealias Handler = @Sendable (consuming Delivery) async -> Void

    private let broker: MessageBroker
    private let queue: String
    private let concurrency: Int
    private let prefetch: Int
    private let maximumOversize: Int
    private let handler: Handler

    /// A consumer that runs that many handlers at once.
    ///
    /// - Parameters:
    ///   - broker: The connection to take messages from.
    ///   - queue: The queue's name.
    ///   - concurrency: How many handlers run at once.
    ///   - prefetch: How many messages the broker delivers ahead of their settling; as many as handlers unless given.
    ///   - maximumOversize: Bytes of a body up to which one message at a time is taken that is larger than others.
    ///   - handler: What is done with each message.
    package init(
        broker: MessageBroker,
        queue: String,
        concurrency: Int,
        prefetch: Int? = nil,
        maximumOversize: Int = 0,
        handler: @escaping Handler
    ) {
        self.broker = broker
        self.queue = queue
        self.concurrency = concurrency
        self.prefetch = prefetch ?? concurrency
        self.maximumOversize = maximumOversize
        self.handler = handler
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await broker.consume(
                queue,
                prefetch: prefetch,
                concurrency: concurrency,
                maximumOversize: maximumOversize
            ) { delivery in
                await withTrace(of: delivery)
            }
        }
    }

    private func withTrace(of delivery: consuming Delivery) async {
        let header = delivery.message.headers[HeaderName.traceparent]?.string
        let trace = header.flatMap(TraceContext.init(traceparent:)) ?? .makeRoot()
        // A value that cannot be copied is taken out of the optional: a closure may not consume what it captures.
        var delivery: Delivery? = delivery
        await TraceContext.$current.withValue(trace) {
            guard let delivery = delivery.take() else { return }
            await handler(delivery)
        }
    }
}
