import Synchronization

/// How large something was a moment ago, so that it need not be asked for again and again.
package final class RecentSizes<Key: Hashable & Sendable>: Sendable {
    private struct Known {
        var bytes: Int64
        let until: ContinuousClock.Instant
    }

    private let known = Mutex<[Key: Known]>([:])

    package init() {}

    /// The size that was noted less than a second ago.
    package subscript(key: Key) -> Int64? {
        get { known.withLock { $0[key].flatMap { $0.until > .now ? $0.bytes : nil } } }
        set {
            known.withLock { known in
                if known.count >= 10_000 { known.removeAll() }
                known[key] = newValue.map { Known(bytes: $0, until: .now + .seconds(1)) }
            }
        }
    }

    /// Notes that this process is about to write one of that size.
    func note(_ bytes: Int64, of key: Key) {
        known.withLock { known in
            guard let present = known[key], present.bytes < bytes else { return }
            known[key]?.bytes = bytes
        }
    }
}
