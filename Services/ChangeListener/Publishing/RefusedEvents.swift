import Synchronization

/// Since when some queue refuses the events of a database.
final class RefusedEvents: Sendable {
    private struct Refusal {
        let first: ContinuousClock.Instant
        var last: ContinuousClock.Instant
    }

    /// What does not come again for that long was another refusal: meanwhile the broker was away, or another process
    /// published.
    private static let gap = Duration.seconds(60)

    private let refusals = Mutex<[String: Refusal]>([:])

    /// Notes that events were refused.
    func note(of database: String) {
        refusals.withLock { refusals in
            let now = ContinuousClock.now
            let known = refusals[database].flatMap { now - $0.last < Self.gap ? $0 : nil }
            refusals[database] = Refusal(first: known?.first ?? now, last: now)
        }
    }

    /// Notes that every queue took the events.
    func end(of database: String) {
        refusals.withLock { $0[database] = nil }
    }

    /// Whether events are refused for that long now.
    func haveLasted(_ patience: Duration, of database: String) -> Bool {
        refusals.withLock { $0[database].map { .now - $0.first >= patience } ?? false }
    }
}
