internal import Synchronization

extension MessageBroker {
    /// Publishes a message; returns when the broker has confirmed that it has it.
    ///
    /// Waits while the broker is disconnected or blocked, no longer than the configuration's `confirmTimeout`. What was
    /// sent and not confirmed when a connection was lost, or was not accepted, is sent again until then: the message
    /// may arrive twice.
    package func publish(_ message: OutgoingMessage) async throws(MessagingError) {
        try await publishAll([message])
    }

    /// Publishes messages in their order, and returns when the broker has confirmed them all; throws the first error.
    ///
    /// They are on their way together, so it costs little more than the slowest confirmation. All are checked before
    /// the first is sent; a later failure of one does not keep back the others. When one was not accepted, all are sent
    /// again, so that none comes last that is not.
    ///
    /// - Parameter patience: How long they are sent again while one is not accepted; nil for as long as is waited for
    ///   anything.
    package func publishAll(
        _ messages: [OutgoingMessage],
        whileRefused patience: Duration? = nil
    ) async throws(MessagingError) {
        guard !messages.isEmpty else { return }
        let deadline = ContinuousClock.now + configuration.confirmTimeout
        let lastTry = patience.map { min(deadline, .now + $0) } ?? deadline
        var wasRefused = false
        while true {
            let promise = Promise<Void>()
            try post(messages, promise, deadline: deadline)
            do throws(MessagingError) {
                return try await promise.value()
            } catch .notSent(_) where wasRefused {
                throw .notAccepted
            } catch .notAccepted {
                wasRefused = true
                guard await pauseBeforeRetry(lastTry) else { throw .notAccepted }
            }
        }
    }

    /// How long a hint is waited for.
    package static let hintLimit = Duration.seconds(1)

    /// Publishes hints: what they say is written down, and those whom they would make faster look for it themselves.
    ///
    /// So they are waited for only for a moment: whoever tells somebody of work that is done must not wait for a broker
    /// that is dead or blocked. What is not sent by then is not sent at all.
    package func hint(
        _ messages: [OutgoingMessage],
        within limit: Duration = hintLimit
    ) async throws(MessagingError) {
        guard !messages.isEmpty else { return }
        let (promise, mark) = (Promise<Void>(), SendMark())
        try post(messages, promise, deadline: .now + limit, mark: mark)
        do {
            try await promise.value(within: limit, "a hint was not confirmed; the broker is \(state)")
        } catch .timedOut(let reason) where !mark.isSent {
            throw .notSent(reason)
        }
    }

    /// Waits until a queue may accept again that is full, or has no leader yet; false when there is no time for it.
    func pauseBeforeRetry(_ deadline: ContinuousClock.Instant) async -> Bool {
        let end = ContinuousClock.now + configuration.reconnectDelay
        guard end < deadline else { return false }
        try? await Task.sleep(until: end, clock: .continuous)
        return !Task.isCancelled
    }

    /// Queues messages; the promise hears of their end, and keeps what is not sent yet from being sent when it is
    /// resolved before.
    ///
    /// - Parameter mark: Set when the first of them is about to be sent.
    func post(
        _ messages: [OutgoingMessage],
        _ promise: Promise<Void>,
        deadline: ContinuousClock.Instant,
        mark: SendMark = SendMark()
    ) throws(MessagingError) {
        for message in messages {
            try message.validate(maximumSize: configuration.maximumMessageSize)
        }
        guard lifecycle.withLock({ $0.phase }) != .closed else { throw .closed }
        let batch = PublishBatch(count: messages.count, promise, mark)
        publishing.publish(messages.map { PublishTicket(message: $0, deadline: deadline, batch: batch) })
    }
}
