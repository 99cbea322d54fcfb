/// The exchanges, queues and bindings that a process declares before it publishes or consumes.
///
/// A plain value: `Messaging` declares it on every connection, so that a broker that lost everything has it again.
package struct Topology: Sendable, Hashable {
    package var exchanges: [Exchange]
    package var queues: [Queue]
    package var bindings: [Binding]

    package init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// Both topologies in one.
    package static func + (lhs: Topology, rhs: Topology) -> Topology {
        Topology(
            exchanges: lhs.exchanges + rhs.exchanges,
            queues: lhs.queues + rhs.queues,
            bindings: lhs.bindings + rhs.bindings
        )
    }
}

/// A durable exchange.
package struct Exchange: Sendable, Hashable {
    /// How an exchange routes (AMQP 0-9-1, section 3.1.3).
    package enum Kind: String, Sendable {
        case direct
        case fanout
        case topic
    }

    package let name: String
    package let kind: Kind

    package init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

/// A queue, of one of the two sorts that this system has.
package struct Queue: Sendable, Hashable {
    /// What a queue is for, which decides how it is declared.
    package enum Kind: Sendable, Hashable {
        /// Carries work: a durable quorum queue. A message that was delivered `deliveryLimit` times without an
        /// acknowledgement, or was rejected, goes to `deadLetterQueue`, at least once; nil keeps it for ever.
        case work(deliveryLimit: Int, deadLetterQueue: String?)
        /// Carries what only this connection waits for (replies, wake-ups): exclusive, gone with the connection.
        /// Holds `maxLength` messages at most; the oldest go first.
        case ofConnection(maxLength: Int)
    }

    package let name: String
    package let kind: Kind

    package init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

/// What brings messages of an exchange to a queue.
package struct Binding: Sendable, Hashable {
    package let exchange: String
    package let queue: String
    package let routingKey: String

    package init(exchange: String, queue: String, routingKey: String) {
        self.exchange = exchange
        self.queue = queue
        self.routingKey = routingKey
    }
}
