package import Contracts
internal import Executors
package import Logging
internal import Synchronization

/// The message broker, for as long as the process lives: reconnects for ever, publishes with confirms, consumes.
///
/// Beneath it are two connections, one to publish and one to consume, so that a broker that takes no more messages does
/// not keep consumers from settling theirs. Both declare the topology whenever they connect. The connections live
/// while ``run()`` does; messages and consumers that come before wait for it.
package final class MessageBroker: Sendable {
    enum Phase {
        case idle
        case running
        /// Consumers end; publishing still works, for what their handlers have to say.
        case closing
        case closed
    }

    struct Lifecycle {
        var phase = Phase.idle
        var consumers: [ConsumerInbox.ID: ConsumerInbox] = [:]
        var nextConsumer: ConsumerInbox.ID = 1
        var whenNoConsumers: Promise<Void>?
    }

    let configuration: MessagingConfiguration
    let topology: Topology
    private let logger: Logger
    private let board = StateBoard()
    let publishing: Link
    let consuming: Link
    let lifecycle = Mutex(Lifecycle())

    /// A broker that declares `topology` whenever it connects.
    ///
    /// Nothing happens before ``run()``.
    package init(_ configuration: MessagingConfiguration, topology: Topology, logger: Logger) {
        self.configuration = configuration
        self.topology = topology
        self.logger = logger
        let metrics = MessagingMetrics(topology)
        let board = board
        func link(_ role: Link.Role) -> Link {
            Link(
                role: role,
                configuration: configuration,
                topology: topology,
                metrics: metrics,
                board: board,
                logger: logger
            )
        }
        publishing = link(.publishing)
        consuming = link(.consuming)
    }

    // MARK: Life

    /// Keeps the connections until the task is cancelled; then ends consumers, waits for what is on its way, and
    /// closes.
    ///
    /// To be called once. Consumers have the configuration's grace period, unconfirmed messages what is left of ten
    /// seconds after that. Throws only for a configuration that makes no sense.
    package func run() async throws(MessagingError) {
        try configuration.validate()
        let isFirst = lifecycle.withLock { lifecycle in
            guard lifecycle.phase == .idle else { return false }
            lifecycle.phase = .running
            return true
        }
        guard isFirst else { throw .closed }
        let executors = [ThreadExecutor(name: "amqp-publish"), ThreadExecutor(name: "amqp-consume")]
        await withTaskGroup { group in
            for (link, executor) in zip([publishing, consuming], executors) {
                group.addTask(executorPreference: executor) { link.run() }
            }
            // No child task: handlers still publish while the broker closes.
            let expiry = Task { await self.expireUntilCancelled() }
            try? await Promise<Void>().value()
            // What closing waits for must not be cut short by the cancellation that began it.
            await Task { await self.close() }.value
            expiry.cancel()
        }
        for executor in executors {
            executor.shutdown()
        }
    }

    private func expireUntilCancelled() async {
        while !Task.isCancelled {
            publishing.expire(.now)
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private static let closingTime = Duration.seconds(10)

    private func close() async {
        let noConsumers = Promise<Void>()
        let consumers = lifecycle.withLock { lifecycle in
            lifecycle.phase = .closing
            if lifecycle.consumers.isEmpty {
                noConsumers.resolve(.success(()))
            } else {
                lifecycle.whenNoConsumers = noConsumers
            }
            return Array(lifecycle.consumers.values)
        }
        for consumer in consumers {
            giveBack(consumer.end())
        }
        let grace = configuration.handlerGracePeriod + Self.closingTime
        if (try? await noConsumers.value(within: grace, "handlers")) == nil {
            logger.error("message handlers did not end in time; their messages will be delivered again")
        }
        lifecycle.withLock { $0.phase = .closed }
        let deadline = ContinuousClock.now + Self.closingTime
        publishing.shutDown(by: deadline)
        consuming.shutDown(by: deadline)
        let watchdog = Task {
            try await Task.sleep(until: deadline + configuration.connectTimeout, clock: .continuous)
            publishing.breakConnection()
            consuming.breakConnection()
        }
        for await state in board.states() where state == .closed {
            break
        }
        watchdog.cancel()
    }

    // MARK: State

    /// Whether the broker can be used at present.
    package var state: ConnectionState { board.state }

    /// The present state and each that follows, until closed; a slow reader misses those in between.
    package var states: AsyncStream<ConnectionState> { board.states() }

    /// Returns when both connections stand and the topology is declared, but for queues of a connection that an earlier
    /// one still holds; throws the last reason when they do not in time.
    package func waitUntilConnected(within limit: Duration = .seconds(30)) async throws(MessagingError) {
        do throws(MessagingError) {
            try await board.whenSettled().value(within: limit, "no connection to the message broker")
        } catch .timedOut(let reason) {
            guard case .disconnected(let error?) = board.state else { throw .timedOut(reason) }
            throw error
        }
    }

    /// Asks the broker something over both connections and waits for its answers: for readiness.
    package func ping(within limit: Duration = .seconds(5)) async throws(MessagingError) {
        let deadline = ContinuousClock.now + limit
        let answers = [publishing, consuming].map { link in
            let answer = Promise<Void>()
            link.probe(answer)
            return answer
        }
        for answer in answers {
            try await answer.value(within: max(.zero, deadline - .now), "the message broker does not answer")
        }
    }
}
