internal import Contracts

/// How a queue of the topology is declared on the broker.
struct QueueDeclaration: Sendable, Hashable {
    let name: String
    var isDurable = false
    var isExclusive = false
    var isAutoDelete = false
    var arguments: [String: HeaderValue] = [:]

    init(_ queue: Queue) {
        name = queue.name
        switch queue.kind {
        case .work(let deliveryLimit, let deadLetterQueue):
            isDurable = true
            arguments["x-queue-type"] = "quorum"
            guard let deadLetterQueue else {
                // Without a dead-letter queue a limit would drop the message, and none means 20 since RabbitMQ 4.0;
                // "no limit" has no spelling that both 3.x and 4.x take.
                arguments["x-delivery-limit"] = .int(Int64(Int32.max))
                return
            }
            arguments["x-delivery-limit"] = .int(Int64(deliveryLimit))
            arguments["x-dead-letter-exchange"] = ""
            arguments["x-dead-letter-routing-key"] = .string(deadLetterQueue)
            // At-least-once needs the source queue to refuse rather than to drop when it is full (3.10 and later).
            arguments["x-dead-letter-strategy"] = "at-least-once"
            arguments["x-overflow"] = "reject-publish"
        case .ofConnection(let maxLength):
            isExclusive = true
            isAutoDelete = true
            arguments["x-max-length"] = .int(Int64(maxLength))
        }
    }
}

extension Queue {
    /// Whether only the connection that consumes it may declare it.
    var isOfConnection: Bool {
        guard case .ofConnection = kind else { return false }
        return true
    }
}
