import Synchronization

/// Whether all ways of a sync have come to rest, so that what can wait may be done.
final class Rest: Sendable {
    private let working: Mutex<Set<SyncDirection>>
    private let signal = ChangeSignal()

    /// - Parameter directions: The ways that the sync goes, none of which rests yet.
    init(_ directions: Set<SyncDirection>) {
        working = Mutex(directions)
    }

    var isResting: Bool { working.withLock { $0.isEmpty } }

    /// What says that all ways have come to rest, from now on.
    func subscribe() -> AsyncStream<Void> { signal.subscribe() }

    /// Notes what one way does.
    func note(_ direction: SyncDirection, isResting: Bool) {
        let isNew = working.withLock { working in
            guard isResting else {
                working.insert(direction)
                return false
            }
            return working.remove(direction) != nil && working.isEmpty
        }
        if isNew { signal.send() }
    }
}
