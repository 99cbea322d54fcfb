internal import Contracts
internal import Logging
internal import Metrics

/// The life of one connection, on the thread of its link: waits for the socket and for wishes, and does both's bidding.
///
/// Nothing here blocks but setting up: output is written when the socket has room, input is taken when it is there.
final class LinkSession {
    /// Declarations and probes.
    static let controlChannel: UInt16 = 1
    /// Publishing, with confirms.
    static let publishChannel: UInt16 = 2
    /// Each consumer has a channel of its own, from here on.
    static let firstConsumerChannel: UInt16 = 3

    let connection: AMQPConnection
    let link: Link

    // Publishing (LinkSession+Publishing.swift).
    var window = ConfirmWindow<PublishTicket>()
    var ready = FIFO<PublishTicket>()
    /// No message of `window` or `ready` is late before; nil when there is none.
    var nextExpiry: ContinuousClock.Instant?
    var unsentBody: UnsentBody?
    var returns: ContentAssembler
    var blockedReason: String?
    /// While positive, one message at a time: one of those that follow made the broker close the channel.
    var suspects = 0

    // Consuming (LinkSession+Consuming.swift).
    var consumers: [UInt16: ActiveConsumer] = [:]
    var channels: [ConsumerInbox.ID: UInt16] = [:]
    var settlements = FIFO<(Settlement, Settlement.Outcome)>()
    var probes = FIFO<Promise<Void>>()

    private var commands = FIFO<Link.Command>()
    private var mayHaveInput = true
    private var nextHeartbeatCheck = ContinuousClock.now

    init(_ connection: consuming AMQPConnection, link: Link) {
        self.connection = connection
        self.link = link
        returns = ContentAssembler(maximumSize: link.configuration.maximumMessageSize)
    }

    // MARK: Life

    /// Declares the topology and opens what the role needs.
    func prepare() throws(MessagingError) {
        try connection.openChannel(Self.controlChannel)
        switch link.role {
        case .publishing:
            try connection.declare(link.topology.shared, on: Self.controlChannel)
            try openPublishChannel()
        case .consuming:
            for queue in link.topology.queues where queue.isOfConnection {
                try declareUnlessHeld(queue)
            }
        }
    }

    func begin(consumers: [ConsumerInbox]) {
        for consumer in consumers {
            add(consumer)
        }
    }

    /// Works until the link is to stop and all is sent and confirmed; throws when the connection is lost.
    func work() throws(MessagingError) {
        while true {
            let now = ContinuousClock.now
            try absorb()
            try setUpConsumers(now)
            expire(now)
            if let deadline = link.stopDeadline, hasNothingToSend || now >= deadline { return }
            let wait = timeUntilNextDuty(now)
            let ready = link.wakeUp.wait(for: wait, socket: connection.fileDescriptor, wantsWrite: hasOutput)
            if ready.isWritable { try write() }
            if ready.isReadable || mayHaveInput || connection.hasBufferedInput
                || ContinuousClock.now >= nextHeartbeatCheck
            {
                try read()
            }
        }
    }

    /// Sends what is settled and says goodbye; not to a broker that does not listen.
    func close() {
        guard blockedReason == nil else { return }
        try? flushSettlements()
        connection.close()
    }

    /// Takes back what is not confirmed, in order.
    func abandon() -> [PublishTicket] {
        failProbes(.connectionFailed("connection lost"))
        for command in commands.removeAll() {
            command.resolve(.connectionFailed("connection lost"))
        }
        let unconfirmed = takeUnconfirmed()
        link.metrics.republished.increment(by: unconfirmed.count)
        link.metrics.unconfirmed.record(0)
        return unconfirmed + ready.removeAll()
    }

    // MARK: The loop's parts

    private func absorb() throws(MessagingError) {
        let (wishes, tickets) = link.take(limit: roomForTickets)
        for ticket in tickets {
            ready.append(ticket)
            lookForLate(from: ticket.deadline)
        }
        for wish in wishes {
            commands.append(wish)
        }
        while let command = commands.popFirst() {
            try carryOut(command)
        }
    }

    private func carryOut(_ command: Link.Command) throws(MessagingError) {
        switch command {
        case .startConsumer(let consumer): add(consumer)
        case .stopConsumer(let consumer): try stop(consumer)
        case .removeConsumer(let consumer, let promise):
            defer { promise.resolve(.success(())) }
            try remove(consumer)
        case .settle(let settlement, let outcome): settlements.append((settlement, outcome))
        case .probe(let promise):
            if let blockedReason { return promise.resolve(.failure(.blocked(blockedReason))) }
            probes.append(promise)
            try connection.probe(Self.controlChannel)
        }
    }

    /// Messages that may be taken over from the mailbox now.
    private var roomForTickets: Int {
        guard canPublish else { return 0 }
        return max(0, windowSize - window.count - ready.count)
    }

    private var hasOutput: Bool {
        unsentBody != nil || !settlements.isEmpty || (canPublish && !ready.isEmpty && window.count < windowSize)
    }

    private var hasNothingToSend: Bool {
        window.isEmpty && ready.isEmpty && unsentBody == nil && settlements.isEmpty
            && link.prepareToSleep(takesMessages: true)
    }

    private func timeUntilNextDuty(_ now: ContinuousClock.Instant) -> Duration {
        guard !mayHaveInput, !connection.hasBufferedInput,
            link.prepareToSleep(takesMessages: roomForTickets > 0)
        else { return .zero }
        var next = nextHeartbeatCheck
        let times = [
            nextExpiry, nextConsumerSetUp, link.stopDeadline,
        ]
        for time in times {
            if let time { next = min(next, time) }
        }
        return next - now
    }

    /// What may be written to a socket that has just been writable, without the library having to wait.
    private static let writeBudget = 64 * 1_024

    private func write() throws(MessagingError) {
        connection.setCorked(true)
        defer { connection.setCorked(false) }
        try writeWhatIsReady()
        try tellAcknowledgements()
    }

    private func writeWhatIsReady() throws(MessagingError) {
        var budget = Self.writeBudget
        while budget > 0 {
            if let (settlement, outcome) = settlements.popFirst() {
                try send(settlement, outcome)
                budget -= 64
            } else if unsentBody != nil {
                budget -= try sendNextBodyFrame()
            } else if canPublish, window.count < windowSize, let ticket = ready.popFirst() {
                budget -= try begin(ticket)
            } else {
                return
            }
        }
    }

    private static let framesAtOnce = 1_000

    private func read() throws(MessagingError) {
        nextHeartbeatCheck = ContinuousClock.now + .seconds(1)
        for _ in 0..<Self.framesAtOnce {
            guard let (channel, frame) = try connection.nextFrame() else {
                mayHaveInput = false
                return
            }
            try handle(frame, on: channel)
        }
        mayHaveInput = true
    }

    private func handle(_ frame: InboundFrame, on channel: UInt16) throws(MessagingError) {
        switch channel {
        case 0: try handleConnection(frame)
        case Self.controlChannel: try handleControl(frame)
        case Self.publishChannel: try handlePublishing(frame)
        default: try handleConsumer(frame, on: channel)
        }
    }

    private func handleConnection(_ frame: InboundFrame) throws(MessagingError) {
        switch frame {
        case .blocked(let reason):
            blockedReason = reason
            link.logger.warning("message broker takes no messages", metadata: ["reason": "\(reason)"])
            link.report(.blocked(reason: reason))
            failProbes(.blocked(reason))
        case .unblocked:
            blockedReason = nil
            link.logger.info("message broker takes messages again")
            link.report(.connected)
        case .connectionClosed(let code, let text):
            connection.confirmConnectionClose()
            throw .connectionClosed(code: code, text: text)
        default: break
        }
    }

    private func handleControl(_ frame: InboundFrame) throws(MessagingError) {
        switch frame {
        case .prefetchSet: probes.popFirst()?.resolve(.success(()))
        case .channelClosed(let code, let text):
            try connection.confirmClose(Self.controlChannel)
            try connection.openChannel(Self.controlChannel)
            failProbes(.channelClosed(code: code, text: text))
        default: break
        }
    }

    private func failProbes(_ error: MessagingError) {
        for probe in probes.removeAll() {
            probe.resolve(.failure(error))
        }
    }
}
