internal import Logging
internal import Metrics

// Publishing with confirms: at most `windowSize` messages are on their way, in the order of their calls.

/// A message whose body is being written, a frame at a time, so that everything else gets its turn between them.
struct UnsentBody {
    let body: [UInt8]
    var offset = 0
}

/// The header that tells which message came back: `basic.return` does not say.
enum PublishSequence {
    static let header = "x-fullsync-publish"
}

extension LinkSession {
    var canPublish: Bool {
        link.role == .publishing && blockedReason == nil
    }

    var windowSize: Int {
        suspects > 0 ? 1 : link.configuration.maximumUnconfirmed
    }

    func openPublishChannel() throws(MessagingError) {
        try connection.openChannel(Self.publishChannel)
        try connection.selectConfirms(Self.publishChannel)
        returns = ContentAssembler(maximumSize: link.configuration.maximumMessageSize)
    }

    /// Writes all but the body; returns about how many bytes that took.
    func begin(_ ticket: PublishTicket) throws(MessagingError) -> Int {
        guard ticket.batch.begin() else {
            ticket.batch.finish(.cancelled)
            return 0
        }
        let message = ticket.message
        var headers = message.headers
        if message.isMandatory { headers[PublishSequence.header] = .int(Int64(clamping: window.nextTag)) }
        window.append(ticket)
        link.metrics.published.increment()
        link.metrics.unconfirmed.record(window.count)
        let count = try connection.sendPublish(Self.publishChannel, message, headers: headers)
        guard !message.body.isEmpty else { return count }
        unsentBody = UnsentBody(body: message.body)
        return count
    }

    func sendNextBodyFrame() throws(MessagingError) -> Int {
        guard var unsent = unsentBody else { return 0 }
        let end = min(unsent.body.count, unsent.offset + AMQPConnection.bodyFrameSize)
        let range = unsent.offset..<end
        unsent.offset = end
        unsentBody = end == unsent.body.count ? nil : unsent
        try connection.sendBody(Self.publishChannel, unsent.body, range)
        return range.count
    }

    func handlePublishing(_ frame: InboundFrame) throws(MessagingError) {
        switch frame {
        case .confirm(let tag, let isMultiple, let isAccepted): confirm(tag, isMultiple, isAccepted)
        case .returned(let exchange, let routingKey):
            try returns.begin(.returned, exchange: exchange, routingKey: routingKey)
        case .header(let size, let properties): noteReturn(try returns.header(size: size, properties))
        case .body(let fragment): noteReturn(try returns.body(fragment))
        case .channelClosed(let code, let text): try recoverPublishChannel(code, text)
        default: break
        }
    }

    private func confirm(_ tag: UInt64, _ isMultiple: Bool, _ isAccepted: Bool) {
        window.settle(tag, isMultiple: isMultiple) { ticket in
            suspects = max(0, suspects - 1)
            if !isAccepted {
                link.metrics.notAccepted.increment()
                ticket.batch.finish(ticket.isInDoubt ? Self.inDoubt : .notAccepted)
            } else if ticket.isReturned {
                link.metrics.returned.increment()
                let message = ticket.message
                ticket.batch.finish(.unroutable(exchange: message.exchange, routingKey: message.routingKey))
            } else {
                link.metrics.confirmed.increment()
                ticket.batch.finish(nil)
            }
        }
        link.metrics.unconfirmed.record(window.count)
    }

    /// It was not accepted now, and may have been when it was sent before.
    private static let inDoubt = MessagingError.connectionFailed("the message was sent before, and not confirmed")

    private func noteReturn(_ content: ContentAssembler.Content?) {
        guard case .returned(let properties) = content,
            let number = properties.headers[PublishSequence.header]?.int, let tag = UInt64(exactly: number)
        else { return }
        window.update(tag) { $0.isReturned = true }
    }

    /// Opens the channel again after the broker closed it.
    ///
    /// It closes the whole channel for one bad message (an exchange that is not there, no permission) and does not say
    /// which. With one on its way the culprit is known; otherwise they are sent again one at a time.
    private func recoverPublishChannel(_ code: Int, _ text: String) throws(MessagingError) {
        try connection.confirmClose(Self.publishChannel)
        var inDoubt = takeUnconfirmed()
        link.logger.warning(
            "message broker closed the publishing channel",
            metadata: ["code": "\(code)", "text": "\(text)", "in_doubt": "\(inDoubt.count)"]
        )
        if inDoubt.count == 1 {
            inDoubt.removeFirst().batch.finish(.channelClosed(code: code, text: text))
            suspects = max(0, suspects - 1)
        } else {
            link.metrics.republished.increment(by: inDoubt.count)
            suspects = inDoubt.count
        }
        ready.prepend(inDoubt)
        try openPublishChannel()
    }

    /// Takes what is not confirmed out of the window, in order, as if it had never been sent.
    func takeUnconfirmed() -> [PublishTicket] {
        unsentBody = nil
        return window.restart().map { ticket in
            var ticket = ticket
            ticket.isReturned = false
            ticket.isInDoubt = true
            return ticket
        }
    }

    /// Has `expire` look at that time, at the latest.
    func lookForLate(from time: ContinuousClock.Instant) {
        nextExpiry = nextExpiry.map { min($0, time) } ?? time
    }

    /// How long a message whose body is half written has to be late before it is looked at again.
    private static let unfinishedPause = Duration.seconds(1)

    /// Fails what has waited too long, each by its own deadline, and drops what is not sent and nobody waits for.
    func expire(_ now: ContinuousClock.Instant) {
        guard let time = nextExpiry, time <= now else { return }
        nextExpiry = nil
        // A message whose body is half written has to be finished; it is the last of the window.
        let unfinished = unsentBody == nil ? nil : window.nextTag - 1
        var over = window.abandon { tag, ticket in
            let isLate = ticket.deadline <= now
            guard isLate, tag != unfinished else {
                lookForLate(from: isLate ? now + Self.unfinishedPause : ticket.deadline)
                return false
            }
            return true
        }
        suspects = max(0, suspects - over.count)
        over += ready.removeAll { ticket in
            guard !ticket.isOver(now) else { return true }
            lookForLate(from: ticket.deadline)
            return false
        }
        guard !over.isEmpty else { return }
        let reason = blockedReason.map { "; the broker takes no messages: \($0)" } ?? ""
        for ticket in over {
            ticket.batch.finish(ticket.batch.late("the message was not confirmed in time\(reason)"))
        }
    }
}
