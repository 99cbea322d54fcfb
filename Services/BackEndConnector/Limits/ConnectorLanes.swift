import Metrics
import Projects
import Synchronization

/// A connector of a project, whichever its version.
struct ConnectorName: Hashable, Sendable {
    let project: String
    let connector: String
}

/// What each connector has for itself in this process: room for so many calls, and a circuit breaker.
///
/// One that is slow or down takes nothing from the others: it has half of the process's places for calls at most, with
/// those that stand in line.
final class ConnectorLanes: Sendable {
    private let policy: CircuitBreaker.Policy
    private let share: Int
    private let lanes = Mutex<[ConnectorName: ConnectorLane]>([:])

    /// - Parameter places: How many calls the process has in hand at once.
    init(policy: CircuitBreaker.Policy, places: Int) {
        self.policy = policy
        share = max(1, places / 2)
    }

    /// The lane of a connector; a new one when its limit has changed with a new version.
    func lane(of name: ConnectorName, concurrency: Int) -> ConnectorLane {
        lanes.withLock { lanes in
            if let lane = lanes[name], lane.concurrency == concurrency { return lane }
            let lane = ConnectorLane(name, concurrency: concurrency, share: share, policy: policy)
            lanes[name] = lane
            return lane
        }
    }
}

/// One connector's room and circuit breaker.
final class ConnectorLane: Sendable {
    /// How many calls may stand in line for each that is under way.
    private static let waitersPerCall = 4

    let concurrency: Int
    let gate: ConcurrencyGate
    private let breaker: Mutex<CircuitBreaker>
    private let isOpen: Gauge
    private let line: Gauge

    /// - Parameter share: How many calls may be under way and in line together.
    init(_ name: ConnectorName, concurrency: Int, share: Int, policy: CircuitBreaker.Policy) {
        self.concurrency = concurrency
        let limit = min(concurrency, share)
        gate = ConcurrencyGate(limit: limit, maximumWaiters: min(limit * Self.waitersPerCall, share - limit))
        breaker = Mutex(CircuitBreaker(policy: policy))
        let labels = [("project", name.project), ("connector", name.connector)]
        isOpen = Gauge(label: "connector_circuit_open", dimensions: labels)
        line = Gauge(label: "connector_line", dimensions: labels)
    }

    /// Shows how many calls wait for their turn.
    func reportLine() { line.record(gate.lineLength) }

    /// Asks whether a call may be made now.
    func admit() -> CircuitBreaker.Decision {
        breaker.withLock { $0.admit(at: .now) }
    }

    /// Says what became of a call that was admitted.
    func record(_ outcome: CircuitBreaker.Outcome, of permit: CircuitBreaker.Permit) {
        let isClosed = breaker.withLock { breaker in
            breaker.record(outcome, of: permit, at: .now)
            return breaker.isClosed
        }
        isOpen.record(isClosed ? 0 : 1)
    }
}
