internal import Contracts
internal import Glibc
internal import Logging
internal import Metrics
internal import Synchronization

/// One connection to the broker that is made again whenever it is lost, and the thread that owns it.
///
/// There are two: a broker with an alarm stops reading from connections that publish, and settling deliveries must go
/// on
/// then ("Separate connections for publishing and consuming", RabbitMQ's documentation of alarms). `run` is the thread;
/// everything else is called from anywhere and leaves its wish in the mailbox.
final class Link: Sendable {
    enum Role: String, Sendable {
        case publishing
        case consuming
    }

    /// What is asked of a connection that is up.
    enum Command: Sendable {
        case startConsumer(ConsumerInbox)
        case stopConsumer(ConsumerInbox)
        case removeConsumer(ConsumerInbox, Promise<Void>)
        case settle(Settlement, Settlement.Outcome)
        case probe(Promise<Void>)

        /// The connection went before it was carried out.
        func resolve(_ error: MessagingError) {
            switch self {
            case .removeConsumer(_, let promise): promise.resolve(.success(()))
            case .probe(let promise): promise.resolve(.failure(error))
            case .startConsumer, .stopConsumer, .settle: break
            }
        }
    }

    private struct Mailbox {
        var commands: [Command] = []
        var tickets = FIFO<PublishTicket>()
        /// When they are looked through again: none is late before.
        var nextLook = ContinuousClock.now
        /// Live over all connections, until they are stopped.
        var consumers: [ConsumerInbox.ID: ConsumerInbox] = [:]
        var isConnected = false
        var isClosed = false
        /// The thread is, or is about to be, in `poll`.
        var isSleeping = false
        var stopDeadline: ContinuousClock.Instant?
        var epoch: UInt64 = 0
        /// To be shut down when the thread does not come back in time.
        var socket: Int32?
    }

    let role: Role
    let configuration: MessagingConfiguration
    let topology: Topology
    let metrics: MessagingMetrics
    let logger: Logger
    let wakeUp = WakeUp()
    private let board: StateBoard
    private let mailbox = Mutex(Mailbox())

    init(
        role: Role,
        configuration: MessagingConfiguration,
        topology: Topology,
        metrics: MessagingMetrics,
        board: StateBoard,
        logger: Logger
    ) {
        self.role = role
        self.configuration = configuration
        self.topology = topology
        self.metrics = metrics
        self.board = board
        var logger = logger
        logger[metadataKey: "link"] = "\(role.rawValue)"
        self.logger = logger
    }

    // MARK: From anywhere

    /// Queues messages in order.
    ///
    /// Their outcome comes through their batch.
    func publish(_ tickets: [PublishTicket]) {
        let isOpen = change { mailbox in
            guard !mailbox.isClosed else { return false }
            for ticket in tickets {
                mailbox.tickets.append(ticket)
                mailbox.nextLook = min(mailbox.nextLook, ticket.deadline)
            }
            return true
        }
        if !isOpen { Self.close(tickets) }
    }

    func start(_ consumer: ConsumerInbox) {
        change { mailbox in
            mailbox.consumers[consumer.id] = consumer
            if mailbox.isConnected { mailbox.commands.append(.startConsumer(consumer)) }
        }
    }

    /// Tells the broker to send no more; what was delivered can still be settled.
    ///
    /// On later connections it is not set up: what came there would only be given back, again and again.
    func stop(_ consumer: ConsumerInbox) {
        change { mailbox in
            mailbox.consumers[consumer.id] = nil
            if mailbox.isConnected { mailbox.commands.append(.stopConsumer(consumer)) }
        }
    }

    /// Forgets the consumer and closes its channel; returns when everything settled before has been sent.
    func remove(_ consumer: ConsumerInbox) async {
        let removed = Promise<Void>()
        change { mailbox in
            mailbox.consumers[consumer.id] = nil
            if mailbox.isConnected {
                mailbox.commands.append(.removeConsumer(consumer, removed))
            } else {
                removed.resolve(.success(()))
            }
        }
        try? await removed.value()
    }

    func settle(_ settlement: Settlement, _ outcome: Settlement.Outcome) {
        change { mailbox in
            if mailbox.isConnected { mailbox.commands.append(.settle(settlement, outcome)) }
        }
    }

    /// Resolves the promise when the broker has answered.
    func probe(_ promise: Promise<Void>) {
        change { mailbox in
            if mailbox.isConnected {
                mailbox.commands.append(.probe(promise))
            } else {
                promise.resolve(.failure(.connectionFailed("not connected")))
            }
        }
    }

    /// How long those are kept, at most, that nobody waits for any more.
    private static let lookPeriod = Duration.seconds(1)

    /// Fails what has waited too long for a connection; the thread may be in the middle of a slow attempt.
    ///
    /// Each has its own deadline: what came first may have the last one.
    func expire(_ now: ContinuousClock.Instant) {
        let over = mailbox.withLock { mailbox -> [PublishTicket] in
            guard mailbox.nextLook <= now else { return [] }
            var next = now + Self.lookPeriod
            let over = mailbox.tickets.removeAll { ticket in
                guard !ticket.isOver(now) else { return true }
                next = min(next, ticket.deadline)
                return false
            }
            mailbox.nextLook = next
            return over
        }
        for ticket in over {
            ticket.batch.finish(
                ticket.batch.late("the message was not confirmed in time; the broker is \(board.state)")
            )
        }
    }

    /// Sends what is left, says goodbye and ends the thread; at the deadline at the latest, when there is a connection.
    func shutDown(by deadline: ContinuousClock.Instant) {
        change { $0.stopDeadline = deadline }
    }

    /// Ends a connection that hangs, under the thread's hands.
    func breakConnection() {
        mailbox.withLock { mailbox in
            guard let socket = mailbox.socket else { return }
            _ = Glibc.shutdown(socket, Int32(SHUT_RDWR))
        }
    }

    // MARK: On the thread

    /// The thread's life: connect, work until the connection is lost, pause, again.
    func run() {
        var backoff = Backoff(first: configuration.reconnectDelay, maximum: configuration.maximumReconnectDelay)
        var generator = SystemRandomNumberGenerator()
        let reconnects = MessagingMetrics.reconnects(role)
        while stopDeadline == nil {
            do throws(MessagingError) {
                try connectAndWork { backoff.reset() }
                break
            } catch {
                board.report(.disconnected(error), of: role)
                let pause = backoff.pause(using: &generator)
                logger.warning(
                    "message broker connection lost or not made",
                    metadata: ["error": "\(error)", "retry_in": "\(pause)"]
                )
                sleep(pause)
                reconnects.increment()
            }
        }
        finish()
    }

    private func connectAndWork(onConnected: () -> Void) throws(MessagingError) {
        let session = LinkSession(try AMQPConnection.open(configuration), link: self)
        setSocket(session.connection.fileDescriptor)
        // Before the session, and with it the socket, goes: another thread must not shut down a number used anew.
        defer { setSocket(nil) }
        do throws(MessagingError) {
            try session.prepare()
            session.begin(consumers: open())
            onConnected()
            logger.info("connected to message broker")
            report(.connected)
            try session.work()
        } catch {
            abandon(session, error)
            throw error
        }
        session.close()
        abandon(session, .closed)
    }

    /// What was not confirmed waits for the next connection, before what came later.
    private func abandon(_ session: LinkSession, _ error: MessagingError) {
        let unconfirmed = session.abandon()
        let (commands, consumers) = mailbox.withLock { mailbox in
            mailbox.isConnected = false
            mailbox.tickets.prepend(unconfirmed)
            mailbox.nextLook = .now
            defer { mailbox.commands = [] }
            return (mailbox.commands, mailbox.consumers.values)
        }
        for consumer in consumers {
            consumer.deactivate()
        }
        for command in commands {
            command.resolve(error)
        }
    }

    private func open() -> [ConsumerInbox] {
        mailbox.withLock { mailbox in
            mailbox.isConnected = true
            return mailbox.consumers.values.filter { !$0.isEnded }.sorted { $0.id < $1.id }
        }
    }

    func report(_ state: ConnectionState) {
        board.report(state, of: role)
    }

    var stopDeadline: ContinuousClock.Instant? {
        mailbox.withLock { $0.stopDeadline }
    }

    /// A number for a consumer's channel that none had before.
    func nextEpoch() -> UInt64 {
        mailbox.withLock { mailbox in
            mailbox.epoch += 1
            return mailbox.epoch
        }
    }

    /// The commands that came, and messages up to `limit`.
    func take(limit: Int) -> (commands: [Command], tickets: [PublishTicket]) {
        mailbox.withLock { mailbox in
            var tickets: [PublishTicket] = []
            while tickets.count < limit, let ticket = mailbox.tickets.popFirst() {
                tickets.append(ticket)
            }
            defer { mailbox.commands.removeAll(keepingCapacity: true) }
            return (mailbox.commands, tickets)
        }
    }

    /// Says that the thread will sleep; false when there is something to do first.
    func prepareToSleep(takesMessages: Bool) -> Bool {
        mailbox.withLock { mailbox in
            let isIdle = mailbox.commands.isEmpty && (!takesMessages || mailbox.tickets.isEmpty)
            mailbox.isSleeping = isIdle
            return isIdle
        }
    }

    private func sleep(_ pause: Duration) {
        let end = ContinuousClock.now + pause
        while stopDeadline == nil {
            let now = ContinuousClock.now
            guard now < end else { return }
            mailbox.withLock { $0.isSleeping = true }
            _ = wakeUp.wait(for: end - now)
        }
    }

    private func setSocket(_ socket: Int32?) {
        mailbox.withLock { $0.socket = socket }
    }

    private func finish() {
        let tickets = mailbox.withLock { mailbox in
            mailbox.isClosed = true
            return mailbox.tickets.removeAll()
        }
        Self.close(tickets)
        report(.closed)
    }

    @discardableResult
    private func change<Result: Sendable>(_ body: (inout Mailbox) -> sending Result) -> Result {
        let (result, mustWake) = mailbox.withLock { mailbox in
            let result = body(&mailbox)
            defer { mailbox.isSleeping = false }
            return (result, mailbox.isSleeping)
        }
        if mustWake { wakeUp.signal() }
        return result
    }

    private static func close(_ tickets: [PublishTicket]) {
        for ticket in tickets {
            ticket.batch.finish(ticket.isInDoubt ? .connectionFailed("closed before the confirmation came") : .closed)
        }
    }
}
