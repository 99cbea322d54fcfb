internal import Contracts
internal import Synchronization

/// Requests that are answered by a message: to a reply queue of this client's own, told apart by correlation ids.
///
/// The reply queue lives and dies with the connection and is declared again under the same name, so a request survives
/// a
/// reconnection, unless its reply came just then. Replies that nobody waits for any more are dropped.
package final class RequestClient: Sendable {
    /// The queue that the replies come to.
    package let replyQueue: String

    private struct State {
        var waiting: [String: Promise<IncomingMessage>] = [:]
        var nextNumber: UInt64 = 1
        var consumer: ConsumerInbox?
        /// Requests that came before ``RequestClient/run()``.
        var whenRunning: [Promise<Void>] = []
    }

    private let broker: MessageBroker
    private let state = Mutex(State())

    /// A client whose reply queue has the name `replyQueue`, or one that nobody else has.
    package init(_ broker: MessageBroker, replyQueue: String? = nil) {
        self.broker = broker
        let number = UInt64.random(in: .min ... .max)
        self.replyQueue = replyQueue ?? "fullsync.replies.\(String(number, radix: 36))"
    }

    private static let maximumReplies = 10_000

    /// Takes the replies until the task is cancelled; requests wait for it.
    package func run() async throws(MessagingError) {
        let consumer = try broker.register(
            Queue(replyQueue, .ofConnection(maxLength: Self.maximumReplies)),
            isDeclared: true,
            prefetch: 256
        )
        let waiters = state.withLock { state in
            state.consumer = consumer
            defer { state.whenRunning = [] }
            return state.whenRunning
        }
        for waiter in waiters {
            waiter.resolve(.success(()))
        }
        defer { state.withLock { $0.consumer = nil } }
        try await broker.serve(consumer, concurrency: 1) { [self] delivery in
            let message = delivery.message
            delivery.acknowledge()
            take(message)
        }
    }

    /// Sends the message, as a mandatory one, and waits for its reply.
    ///
    /// `replyTo` and `correlationID` are set here. Throws ``MessagingError/unroutable(exchange:routingKey:)`` at once
    /// when no queue takes it, ``MessagingError/notSent(_:)`` when the time is over before it was sent, so that nobody
    /// can have it, and ``MessagingError/timedOut(_:)``. A cancelled task stops waiting.
    ///
    /// - Parameter expires: Whether the broker takes the request from its queue after the time-out, unless the message
    ///   says its own expiration: nobody works on what nobody waits for. What expires goes to the dead-letter queue,
    ///   and so must not where it holds secrets: then it says until when it is waited for, and who takes it later drops
    ///   it.
    package func request(
        _ message: OutgoingMessage,
        timeout: Duration,
        expires: Bool = true
    ) async throws(MessagingError) -> IncomingMessage {
        let deadline = ContinuousClock.now + timeout
        try await whenReady(within: timeout)
        let reply = Promise<IncomingMessage>()
        let correlationID = state.withLock { state in
            let id = "\(replyQueue)-\(state.nextNumber)"
            state.nextNumber += 1
            state.waiting[id] = reply
            return id
        }
        defer { state.withLock { _ = $0.waiting.removeValue(forKey: correlationID) } }
        var message = message
        message.replyTo = replyQueue
        message.correlationID = correlationID
        message.isMandatory = true
        let remaining = max(.zero, deadline - .now)
        if expires { message.expiration = message.expiration ?? remaining }
        let mark = SendMark()
        try post(message, reply, deadline, mark)
        do {
            return try await reply.value(within: remaining, "no reply")
        } catch .timedOut(let reason) where !mark.isSent {
            throw .notSent(reason)
        }
    }

    /// Sends the request.
    ///
    /// Of its confirmation only the failure matters; the reply may come first.
    private func post(
        _ message: OutgoingMessage,
        _ reply: Promise<IncomingMessage>,
        _ deadline: ContinuousClock.Instant,
        _ mark: SendMark
    ) throws(MessagingError) {
        let confirmation = Promise<Void> { [self] result in
            switch result {
            // The reply is waited for until the same deadline.
            case .success, .failure(.timedOut): return
            case .failure(.notAccepted): retry(message, reply, deadline, mark)
            case .failure(let error): reply.resolve(.failure(error))
            }
        } isAbandoned: {
            reply.isResolved
        }
        try broker.post([message], confirmation, deadline: deadline, mark: mark)
    }

    private func retry(
        _ message: OutgoingMessage,
        _ reply: Promise<IncomingMessage>,
        _ deadline: ContinuousClock.Instant,
        _ mark: SendMark
    ) {
        // Nobody has what the broker did not accept.
        mark.set(false)
        Task {
            guard await broker.pauseBeforeRetry(deadline) else { return reply.resolve(.failure(.notAccepted)) }
            guard !reply.isResolved else { return }
            do throws(MessagingError) {
                try post(message, reply, deadline, mark)
            } catch {
                reply.resolve(.failure(error))
            }
        }
    }

    private func whenReady(within limit: Duration) async throws(MessagingError) {
        let deadline = ContinuousClock.now + limit
        let running = Promise<Void>()
        let early = state.withLock { state -> ConsumerInbox? in
            if state.consumer == nil {
                state.whenRunning.removeAll { $0.isResolved }
                state.whenRunning.append(running)
            }
            return state.consumer
        }
        if early == nil {
            try await Self.wait(for: running, within: limit, "the reply queue is not consumed")
        }
        guard let consumer = state.withLock({ $0.consumer }) else { throw .closed }
        guard !consumer.isActive else { return }
        try await Self.wait(
            for: consumer.whenActive(),
            within: max(.zero, deadline - .now),
            "no connection to the message broker for the reply"
        )
    }

    /// Waits for what must be before anything is sent.
    private static func wait(
        for promise: Promise<Void>,
        within limit: Duration,
        _ reason: String
    ) async throws(MessagingError) {
        do {
            try await promise.value(within: limit, reason)
        } catch .timedOut(let reason) {
            throw .notSent(reason)
        }
    }

    private func take(_ reply: IncomingMessage) {
        guard let id = reply.correlationID else { return }
        let waiter = state.withLock { $0.waiting.removeValue(forKey: id) }
        waiter?.resolve(.success(reply))
    }
}
