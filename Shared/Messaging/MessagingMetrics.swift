internal import Contracts
internal import Metrics

/// What is counted.
///
/// The labels are bounded: queues of the topology, and the two links.
struct MessagingMetrics: Sendable {
    let published = Counter(label: "messaging_published_total")
    let confirmed = Counter(label: "messaging_confirmed_total")
    let notAccepted = Counter(label: "messaging_not_accepted_total")
    let returned = Counter(label: "messaging_returned_total")
    let republished = Counter(label: "messaging_republished_total")
    let unconfirmed = Gauge(label: "messaging_unconfirmed")
    private let queues: [String: QueueMetrics]
    private let otherQueue = QueueMetrics(queue: "other")

    struct QueueMetrics: Sendable {
        let delivered: Counter
        let redelivered: Counter
        let acknowledged: Counter
        let givenBack: Counter
        let rejected: Counter

        init(queue: String) {
            let dimensions = [("queue", queue)]
            delivered = Counter(label: "messaging_delivered_total", dimensions: dimensions)
            redelivered = Counter(label: "messaging_redelivered_total", dimensions: dimensions)
            acknowledged = Counter(label: "messaging_acknowledged_total", dimensions: dimensions)
            givenBack = Counter(label: "messaging_given_back_total", dimensions: dimensions)
            rejected = Counter(label: "messaging_rejected_total", dimensions: dimensions)
        }

        func count(_ outcome: Settlement.Outcome) {
            switch outcome {
            case .acknowledged: acknowledged.increment()
            case .givenBack: givenBack.increment()
            case .rejected: rejected.increment()
            }
        }
    }

    init(_ topology: Topology) {
        let work = topology.queues.filter { !$0.isOfConnection }
        queues = Dictionary(
            work.map { ($0.name, QueueMetrics(queue: $0.name)) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    func queue(_ name: String) -> QueueMetrics {
        queues[name] ?? otherQueue
    }

    static func reconnects(_ role: Link.Role) -> Counter {
        Counter(label: "messaging_reconnects_total", dimensions: [("link", role.rawValue)])
    }
}
