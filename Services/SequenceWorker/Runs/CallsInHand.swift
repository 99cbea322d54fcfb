import Synchronization

/// The calls that this worker is at.
final class CallsInHand: Sendable {
    private let runs = Mutex<Set<String>>([])

    /// Works on a call, unless this worker is at it already.
    ///
    /// - Returns: What the work answers; nil when it is done elsewhere in this worker.
    func unlessThere<Result>(_ run: String, _ body: () async -> Result) async -> Result? {
        guard runs.withLock({ $0.insert(run).inserted }) else { return nil }
        defer { runs.withLock { _ = $0.remove(run) } }
        return await body()
    }
}
