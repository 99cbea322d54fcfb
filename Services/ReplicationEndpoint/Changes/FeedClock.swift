import Synchronization

/// One clock for all feeds: it ticks while somebody waits, and costs a waiting feed eight bytes.
///
/// (A sleeping task for each of thousands of feeds would be the larger part of their memory.)
final class FeedClock: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How exact it is.
    static let precision = Duration.milliseconds(25)
    private static let origin = Instant.now

    private struct State {
        /// Which feeds are looked at when, by the number of the tick.
        var ticks: [Int: [Int]] = [:]
        var last = 0
        var isRunning = false
    }

    private let state = Mutex(State())
    /// Tells a feed, by its number, that its tick has come; answers the next tick for which it waits.
    private let fire: @Sendable (_ id: Int, _ tick: Int) -> Int?

    init(fire: @escaping @Sendable (_ id: Int, _ tick: Int) -> Int?) {
        self.fire = fire
    }

    /// The first tick that is not before that time.
    static func tick(behind instant: Instant) -> Int {
        Int(((instant - origin) / precision).rounded(.up))
    }

    /// Sees to it that the feed of that number is told when the tick comes.
    func schedule(_ id: Int, at tick: Int) {
        let mustStart = state.withLock { state in
            // One that has passed already is the next.
            state.ticks[max(tick, state.last + 1), default: []].append(id)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task { await run() } }
    }

    private func run() async {
        while true {
            try? await Task.sleep(for: Self.precision)
            let now = Int((Instant.now - Self.origin) / Self.precision)
            for (tick, ids) in due(now) {
                for id in ids {
                    if let next = fire(id, tick) { schedule(id, at: next) }
                }
            }
            if mayStop() { return }
        }
    }

    private func due(_ now: Int) -> [(Int, [Int])] {
        state.withLock { state in
            guard now > state.last else { return [] }
            let first = state.last + 1
            state.last = now
            // After a pause of the process there may be more ticks than entries.
            guard now - first < state.ticks.count else {
                let due = state.ticks.filter { $0.key <= now }
                for tick in due.keys { state.ticks[tick] = nil }
                return due.sorted { $0.key < $1.key }
            }
            return (first...now).compactMap { tick in state.ticks.removeValue(forKey: tick).map { (tick, $0) } }
        }
    }

    private func mayStop() -> Bool {
        state.withLock { state in
            if state.ticks.isEmpty { state.isRunning = false }
            return !state.isRunning
        }
    }
}
