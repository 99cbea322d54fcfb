/// The exchanges of the system.
package enum ExchangeName {
    /// AMQP's default exchange: the routing key is the name of the queue.
    package static let direct = ""
    /// Back ends publish what changed with them here; routing key `<project>.<notification>`.
    package static let notifications = "fullsync.notifications"
    /// Every committed change; routing key `<database>`; anyone may bind a queue.
    package static let changes = "fullsync.changes"
    /// What every process of a kind must hear at once, such as a new version of a project.
    package static let control = "fullsync.control"
}

/// The queues that several processes share.
package enum QueueName {
    /// Notifications of back ends, taken by the back-end connectors.
    package static let notifications = "fullsync.notifications"
    /// What could not be understood, kept for a person, with the reason in the header `x-reason`.
    package static let rejected = "fullsync.rejected"
    /// Runs that are ready, taken by the sequence workers.
    package static let runs = "fullsync.runs"
    /// Sequences that somebody waits for, taken by the sequence workers.
    package static let calls = "fullsync.calls"
    /// Calls that were over their project's share of the worker which took them, put there by it for its like.
    package static let heldCalls = "fullsync.held-calls"
    /// Login sequences that somebody waits for, apart from all other calls: slow ones keep nobody from logging in.
    package static let logins = "fullsync.logins"
    /// Transactions of connectors, taken by the back-end connectors.
    package static let connectorCalls = "fullsync.connector-calls"
}

/// The AMQP headers that this system's messages carry.
package enum HeaderName {
    /// Where the message comes from, as W3C Trace Context writes it.
    package static let traceparent = "traceparent"
    /// Why a message was put in `fullsync.rejected`.
    package static let reason = "x-reason"
    /// The routing key with which a rejected message came.
    package static let originalRoutingKey = "x-original-routing-key"
    /// On a held call: how often it was delivered before it was put there.
    package static let earlierDeliveries = "x-earlier-deliveries"
    /// On a change event: the feeds whose readers cannot read (all of) the document any more, as a JSON array; with
    /// ``everyFeed`` in it all of the database.
    package static let bereft = "x-bereft"
    /// In ``bereft``: there are more feeds than a header names.
    package static let everyFeed = "*"
}

extension Topology {
    /// How often a message may be delivered without an acknowledgement before it is set aside.
    package static let deliveryLimit = 20
    /// How often a call may be delivered before who takes it sets it aside, with an answer: sooner than the broker
    /// would, which kept the variables with it.
    package static let callDeliveries = 10

    /// All that is shared: each process declares it, so the order in which they start does not matter.
    package static let shared = Topology(
        exchanges: [
            Exchange(ExchangeName.notifications, .topic),
            Exchange(ExchangeName.changes, .topic),
            Exchange(ExchangeName.control, .fanout),
        ],
        queues: [
            Queue(QueueName.rejected, .work(deliveryLimit: .max, deadLetterQueue: nil)),
            .shared(QueueName.notifications),
            .shared(QueueName.runs),
            .shared(QueueName.calls),
            .shared(QueueName.heldCalls),
            .shared(QueueName.logins),
            .shared(QueueName.connectorCalls),
        ],
        bindings: [
            Binding(exchange: ExchangeName.notifications, queue: QueueName.notifications, routingKey: "#")
        ]
    )
}

extension Queue {
    /// A queue of work whose unworkable messages end in `fullsync.rejected`.
    fileprivate static func shared(_ name: String) -> Queue {
        Queue(name, .work(deliveryLimit: Topology.deliveryLimit, deadLetterQueue: QueueName.rejected))
    }
}
