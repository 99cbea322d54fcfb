/// A message in a handler's hands, to be settled exactly once.
///
/// The type sees to it: settling consumes the delivery, and one that is dropped is given back. When the connection has
/// been lost since it came, settling has no effect: the broker delivers the message again.
package struct Delivery: ~Copyable {
    package let message: IncomingMessage
    private let settlement: Settlement
    private var outcome = Settlement.Outcome.givenBack

    init(_ received: ReceivedMessage) {
        message = received.message
        settlement = received.settlement
    }

    deinit {
        settlement.settle(outcome)
    }

    /// The work is done; the broker forgets the message.
    package consuming func acknowledge() {
        outcome = .acknowledged
    }

    /// Back to the queue, for another try by whoever comes first; it counts towards the queue's delivery limit (not
    /// since RabbitMQ 4.3).
    package consuming func giveBack() {
        outcome = .givenBack
    }

    /// To the queue's dead-letter queue; back to its own when the topology names none, so that nothing is lost.
    package consuming func reject() {
        outcome = .rejected
    }
}

/// Where a delivery's outcome has to go.
struct Settlement: Sendable {
    enum Outcome: Sendable {
        case acknowledged
        case givenBack
        case rejected
    }

    let link: Link
    let consumer: ConsumerInbox.ID
    /// Of the channel that it came on; on another one its tag means nothing.
    let epoch: UInt64
    let tag: UInt64

    func settle(_ outcome: Outcome) {
        link.settle(self, outcome)
    }
}

/// A message and how to settle it, on its way from the connection's thread to a handler.
struct ReceivedMessage: Sendable {
    let message: IncomingMessage
    let settlement: Settlement
}
