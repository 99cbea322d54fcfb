internal import Contracts
internal import Logging
internal import Metrics

// Consumers, each on a channel of its own with its own prefetch.

/// A consumer on this connection.
final class ActiveConsumer {
    enum Phase {
        /// To be set up, not before the time given.
        case waiting(ContinuousClock.Instant)
        case consuming
        /// Takes no more; what it has is still settled.
        case stopped
    }

    let inbox: ConsumerInbox
    var phase = Phase.waiting(.now)
    var assembler: ContentAssembler
    var backoff: Backoff
    /// Of its channel; nil when that is not open.
    var epoch: UInt64? {
        didSet {
            acknowledgements = Acknowledgements()
            oversized = nil
            deferred = []
        }
    }
    var acknowledgements = Acknowledgements()
    /// The message in a handler's hands that is larger than others may be.
    private(set) var oversized: UInt64?
    /// Others that came meanwhile, which are not kept in memory.
    private var deferred: [UInt64] = []

    init(_ inbox: ConsumerInbox, _ configuration: MessagingConfiguration) {
        self.inbox = inbox
        assembler = ContentAssembler(maximumSize: configuration.maximumMessageSize)
        backoff = Backoff(first: configuration.reconnectDelay, maximum: configuration.maximumReconnectDelay)
    }

    /// How large a message may be that comes now.
    func limit(_ configuration: MessagingConfiguration) -> Int {
        let usual = configuration.maximumMessageSize
        return oversized == nil ? max(usual, inbox.maximumOversize) : usual
    }

    /// Notes that the message with that tag is handed over.
    func hand(over tag: UInt64, size: Int, _ configuration: MessagingConfiguration) {
        if size > configuration.maximumMessageSize { oversized = tag }
    }

    /// Leaves a message that was not kept for when the one in hand is settled; false when it has been meanwhile.
    func `defer`(_ tag: UInt64) -> Bool {
        guard oversized != nil else { return false }
        deferred.append(tag)
        return true
    }

    /// The message to ask for again now that another one was settled: the first that was left for then.
    func next(after tag: UInt64) -> UInt64? {
        guard oversized == tag else { return nil }
        oversized = nil
        return deferred.isEmpty ? nil : deferred.removeFirst()
    }

    /// The topology gives the queue's messages nowhere to go.
    var losesWhatIsRejected: Bool {
        guard inbox.isDeclared, case .work(_, nil) = inbox.queue.kind else { return false }
        return true
    }

    var consumerTag: String { "full-sync-\(inbox.id)" }
}

extension LinkSession {
    var nextConsumerSetUp: ContinuousClock.Instant? {
        consumers.values.compactMap { consumer in
            guard case .waiting(let time) = consumer.phase else { return nil }
            return time
        }.min()
    }

    func add(_ inbox: ConsumerInbox) {
        guard channels[inbox.id] == nil, !inbox.isEnded else { return }
        let range = Self.firstConsumerChannel...max(Self.firstConsumerChannel, connection.maximumChannel)
        guard let channel = range.first(where: { consumers[$0] == nil }) else {
            _ = inbox.end(.failure(.invalidConfiguration("more than \(range.count) consumers on one connection")))
            return
        }
        channels[inbox.id] = channel
        consumers[channel] = ActiveConsumer(inbox, link.configuration)
    }

    func stop(_ inbox: ConsumerInbox) throws(MessagingError) {
        guard let channel = channels[inbox.id], let consumer = consumers[channel] else { return }
        try stop(consumer, on: channel)
    }

    private func stop(_ consumer: ActiveConsumer, on channel: UInt16) throws(MessagingError) {
        if case .consuming = consumer.phase {
            try connection.cancelConsumer(channel, consumerTag: consumer.consumerTag)
        }
        consumer.phase = .stopped
    }

    func remove(_ inbox: ConsumerInbox) throws(MessagingError) {
        try flushSettlements()
        guard let channel = channels.removeValue(forKey: inbox.id),
            let consumer = consumers.removeValue(forKey: channel), consumer.epoch != nil
        else { return }
        try connection.closeChannel(channel)
    }

    func flushSettlements() throws(MessagingError) {
        while let (settlement, outcome) = settlements.popFirst() {
            try send(settlement, outcome)
        }
        try tellAcknowledgements()
    }

    /// Sends the acknowledgements that were gathered, one for each consumer.
    func tellAcknowledgements() throws(MessagingError) {
        for (channel, consumer) in consumers {
            guard let tag = consumer.acknowledgements.take() else { continue }
            try connection.acknowledge(channel, tag: tag, multiple: true)
        }
    }

    func send(_ settlement: Settlement, _ outcome: Settlement.Outcome) throws(MessagingError) {
        guard let channel = channels[settlement.consumer], let consumer = consumers[channel],
            consumer.epoch == settlement.epoch
        else { return }
        link.metrics.queue(consumer.inbox.queue.name).count(outcome)
        if let next = consumer.next(after: settlement.tag) {
            consumer.acknowledgements.settle(next)
            try connection.giveBack(channel, tag: next)
        }
        guard outcome != .acknowledged else {
            guard consumer.acknowledgements.acknowledge(settlement.tag) else { return }
            return try connection.acknowledge(channel, tag: settlement.tag, multiple: false)
        }
        consumer.acknowledgements.settle(settlement.tag)
        if outcome == .rejected, !consumer.losesWhatIsRejected {
            try connection.reject(channel, tag: settlement.tag)
        } else {
            try connection.giveBack(channel, tag: settlement.tag)
        }
    }

    func setUpConsumers(_ now: ContinuousClock.Instant) throws(MessagingError) {
        for (channel, consumer) in consumers {
            guard case .waiting(let time) = consumer.phase, time <= now else { continue }
            do throws(MessagingError) {
                try setUp(consumer, on: channel)
            } catch .channelClosed(let code, let text) {
                handleSetUpFailure(consumer, code, text)
            }
        }
    }

    private func setUp(_ consumer: ActiveConsumer, on channel: UInt16) throws(MessagingError) {
        guard !consumer.inbox.isEnded else {
            consumer.phase = .stopped
            return
        }
        if consumer.inbox.isDeclared {
            try declare(consumer.inbox.queue)
        }
        if consumer.epoch == nil {
            try connection.openChannel(channel)
            consumer.epoch = link.nextEpoch()
            consumer.assembler = ContentAssembler(maximumSize: link.configuration.maximumMessageSize)
        }
        do throws(MessagingError) {
            try connection.setPrefetch(channel, consumer.inbox.prefetch)
            try connection.consume(
                channel,
                queue: consumer.inbox.queue.name,
                consumerTag: consumer.consumerTag
            )
        } catch {
            consumer.epoch = nil
            throw error
        }
        consumer.phase = .consuming
        consumer.backoff.reset()
        consumer.inbox.activate()
    }

    /// Declares a queue again, with its bindings: it may have been deleted since the connection was made.
    private func declare(_ queue: Queue) throws(MessagingError) {
        do throws(MessagingError) {
            try connection.declare(link.topology.part(of: [queue]), on: Self.controlChannel)
        } catch .channelClosed(let code, let text) {
            try connection.openChannel(Self.controlChannel)
            throw .channelClosed(code: code, text: text)
        }
    }

    /// Declares a queue of this connection, unless another one holds it.
    ///
    /// That is the one before, as a rule, whose loss the broker has not noticed yet. It may take a minute, in which the
    /// other consumers go on; this one's tries again.
    func declareUnlessHeld(_ queue: Queue) throws(MessagingError) {
        do throws(MessagingError) {
            try declare(queue)
        } catch .channelClosed(Self.resourceLocked, let text) {
            link.logger.warning(
                "another connection holds a queue",
                metadata: ["queue": "\(queue.name)", "text": "\(text)"]
            )
        }
    }

    /// The broker's code for a queue that belongs to another connection (AMQP 0-9-1, `resource-locked`).
    private static let resourceLocked = 405
    /// The longest pause before such a queue is tried again: once it is gone, those who reply to it wait for the new
    /// one, but not for long.
    private static let resourceLockedPause = Duration.seconds(1)

    /// What is wrong from the start is the caller's to know; later, and for a queue that another connection still
    /// holds, it is a matter of time.
    private func handleSetUpFailure(_ consumer: ActiveConsumer, _ code: Int, _ text: String) {
        let isResourceLocked = code == Self.resourceLocked
        if !consumer.inbox.wasEverActive, !isResourceLocked {
            consumer.phase = .stopped
            _ = consumer.inbox.end(.failure(.channelClosed(code: code, text: text)))
            return
        }
        let limit = isResourceLocked ? Self.resourceLockedPause : nil
        retryLater(consumer, reason: "cannot consume", code, text, within: limit)
    }

    /// - Parameter limit: The longest pause; nil for what the configuration says.
    private func retryLater(
        _ consumer: ActiveConsumer,
        reason: Logger.Message,
        _ code: Int? = nil,
        _ text: String = "",
        within limit: Duration? = nil
    ) {
        if case .stopped = consumer.phase { return }
        var generator = SystemRandomNumberGenerator()
        var pause = consumer.backoff.pause(using: &generator)
        if let limit { pause = min(pause, limit) }
        consumer.phase = .waiting(.now + pause)
        link.logger.warning(
            reason,
            metadata: [
                "queue": "\(consumer.inbox.queue.name)", "retry_in": "\(pause)",
                "code": "\(code.map(String.init) ?? "")", "text": "\(text)",
            ]
        )
    }

    func handleConsumer(_ frame: InboundFrame, on channel: UInt16) throws(MessagingError) {
        guard let consumer = consumers[channel] else { return }
        switch frame {
        case .deliver(let tag, let isRedelivered, let exchange, let routingKey):
            try consumer.assembler.begin(
                .delivery(tag: tag, isRedelivered: isRedelivered),
                exchange: exchange,
                routingKey: routingKey
            )
        case .header(let size, let properties):
            let limit = consumer.limit(link.configuration)
            try take(try consumer.assembler.header(size: size, properties, limit: limit), consumer, channel)
        case .body(let fragment): try take(try consumer.assembler.body(fragment), consumer, channel)
        case .consumerCancelled: retryLater(consumer, reason: "message broker cancelled the consumer")
        case .channelClosed(let code, let text):
            try connection.confirmClose(channel)
            consumer.epoch = nil
            consumer.inbox.deactivate()
            retryLater(consumer, reason: "message broker closed the consumer's channel", code, text)
        default: break
        }
    }

    private func take(
        _ content: ContentAssembler.Content?,
        _ consumer: ActiveConsumer,
        _ channel: UInt16
    ) throws(MessagingError) {
        guard let epoch = consumer.epoch else { return }
        func settlement(_ tag: UInt64) -> Settlement {
            Settlement(link: link, consumer: consumer.inbox.id, epoch: epoch, tag: tag)
        }
        switch content {
        case .delivery(let tag, var message):
            message.properties.headers[PublishSequence.header] = nil
            let metrics = link.metrics.queue(consumer.inbox.queue.name)
            metrics.delivered.increment()
            if message.isRedelivered { metrics.redelivered.increment() }
            let settlement = settlement(tag)
            consumer.hand(over: tag, size: message.body.count, link.configuration)
            guard !consumer.inbox.put(ReceivedMessage(message: message, settlement: settlement)) else { return }
            // First of all: a message that is given back to a queue comes to its consumers again at once.
            try stop(consumer, on: channel)
            settlements.append((settlement, .givenBack))
        case .oversized(let tag, let size):
            guard size > UInt64(consumer.inbox.maximumOversize) else {
                // One was in hand when this one began to come.
                if !consumer.defer(tag) { settlements.append((settlement(tag), .givenBack)) }
                return
            }
            link.logger.warning(
                "a message is too large",
                metadata: ["queue": "\(consumer.inbox.queue.name)", "bytes": "\(size)"]
            )
            // Without a dead-letter queue it is neither lost nor sent round and round: it stays with this consumer.
            guard !consumer.losesWhatIsRejected else { return }
            settlements.append((settlement(tag), .rejected))
        case .returned, nil: return
        }
    }
}
