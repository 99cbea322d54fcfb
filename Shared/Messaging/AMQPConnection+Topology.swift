internal import Contracts

extension AMQPConnection {
    /// Declares everything, in the order in which it depends on each other.
    func declare(_ topology: Topology, on channel: UInt16) throws(MessagingError) {
        for exchange in topology.exchanges {
            try declareExchange(channel, name: exchange.name, type: exchange.kind.rawValue)
        }
        for queue in topology.queues {
            try declareQueue(channel, QueueDeclaration(queue))
        }
        for binding in topology.bindings {
            try bind(channel, queue: binding.queue, exchange: binding.exchange, routingKey: binding.routingKey)
        }
    }
}

extension Topology {
    /// What any connection may declare: all but the queues of a connection, which belong to the one that consumes them.
    var shared: Topology {
        let names = Set(queues.filter(\.isOfConnection).map(\.name))
        return Topology(
            exchanges: exchanges,
            queues: queues.filter { !$0.isOfConnection },
            bindings: bindings.filter { !names.contains($0.queue) }
        )
    }

    /// The queues given, with their bindings and the exchanges of these.
    func part(of queues: [Queue]) -> Topology {
        let names = Set(queues.map(\.name))
        let bindings = bindings.filter { names.contains($0.queue) }
        let sources = Set(bindings.map(\.exchange))
        return Topology(
            exchanges: exchanges.filter { sources.contains($0.name) },
            queues: queues,
            bindings: bindings
        )
    }
}
