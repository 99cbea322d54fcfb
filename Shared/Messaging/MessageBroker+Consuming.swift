internal import Contracts
internal import Synchronization

extension MessageBroker {
    /// Hands the messages of a queue to `handler` until the task is cancelled, over all reconnections.
    ///
    /// A queue of the topology is declared again when it was deleted. When the task is cancelled, no more messages are
    /// taken, those that no handler has begun are given back, and handlers have the configuration's grace period to
    /// finish; then they are cancelled too. Handlers do not inherit the cancellation before. Throws when the broker
    /// refuses the consumer from the start.
    ///
    /// - Parameters:
    ///   - queue: The queue's name.
    ///   - prefetch: How many messages the broker may deliver ahead of their settling; 1 to 65,535.
    ///   - concurrency: How many handlers run at once; as many as `prefetch` unless given.
    ///   - maximumOversize: Bytes of a body, 512 MiB at most, up to which one message at a time is handed over that is
    ///     larger than the configuration allows; others wait for it, and larger ones are rejected unread.
    ///   - handler: Settles the delivery; one that it drops is given back.
    package func consume(
        _ queue: String,
        prefetch: Int = 16,
        concurrency: Int? = nil,
        maximumOversize: Int = 0,
        _ handler: @escaping @Sendable (consuming Delivery) async -> Void
    ) async throws(MessagingError) {
        let known = topology.queues.first { $0.name == queue }
        let consumer = try register(
            known ?? Queue(queue, .work(deliveryLimit: 1, deadLetterQueue: nil)),
            isDeclared: known != nil,
            prefetch: prefetch,
            maximumOversize: maximumOversize
        )
        try await serve(consumer, concurrency: min(concurrency ?? prefetch, prefetch), handler)
    }

    /// A new consumer, counted until ``serve(_:concurrency:_:)`` has ended.
    func register(
        _ queue: Queue,
        isDeclared: Bool,
        prefetch: Int,
        maximumOversize: Int = 0
    ) throws(MessagingError) -> ConsumerInbox {
        guard (0...ConsumerInbox.largestOversize).contains(maximumOversize) else {
            throw .invalidConfiguration("maximumOversize must be between 0 and 512 MiB")
        }
        guard let prefetch = UInt16(exactly: prefetch), prefetch > 0 else {
            throw .invalidConfiguration("prefetch must be between 1 and 65535")
        }
        let consumer = lifecycle.withLock { lifecycle -> ConsumerInbox? in
            guard lifecycle.phase == .idle || lifecycle.phase == .running else { return nil }
            let consumer = ConsumerInbox(
                id: lifecycle.nextConsumer,
                queue: queue,
                isDeclared: isDeclared,
                prefetch: prefetch,
                maximumOversize: maximumOversize
            )
            lifecycle.nextConsumer += 1
            lifecycle.consumers[consumer.id] = consumer
            return consumer
        }
        guard let consumer else { throw .closed }
        return consumer
    }

    func serve(
        _ consumer: ConsumerInbox,
        concurrency: Int,
        _ handler: @escaping @Sendable (consuming Delivery) async -> Void
    ) async throws(MessagingError) {
        consuming.start(consumer)
        // Not child tasks: they finish what they have begun when this task is cancelled.
        let handlers = (0..<max(1, concurrency)).map { _ in
            Task {
                while let received = await consumer.next() {
                    await handler(Delivery(received))
                }
            }
        }
        let outcome: MessagingError?
        do throws(MessagingError) {
            try await consumer.ended.value()
            outcome = nil
        } catch {
            outcome = error == .cancelled ? nil : error
        }
        giveBack(consumer.end())
        consuming.stop(consumer)
        await finish(handlers)
        // Not cut short by the cancellation: what was settled last is still to be sent.
        await Task { await consuming.remove(consumer) }.value
        unregister(consumer)
        if let outcome { throw outcome }
    }

    private func finish(_ handlers: [Task<Void, Never>]) async {
        let limit = configuration.handlerGracePeriod
        let timer = Task {
            try await Task.sleep(for: limit)
            for handler in handlers {
                handler.cancel()
            }
        }
        for handler in handlers {
            await handler.value
        }
        timer.cancel()
    }

    func giveBack(_ messages: [ReceivedMessage]) {
        for message in messages {
            message.settlement.settle(.givenBack)
        }
    }

    private func unregister(_ consumer: ConsumerInbox) {
        let waiter = lifecycle.withLock { lifecycle in
            lifecycle.consumers[consumer.id] = nil
            return lifecycle.consumers.isEmpty ? lifecycle.whenNoConsumers : nil
        }
        waiter?.resolve(.success(()))
    }
}
