import Synchronization

/// Counts the calls that wait for PostgreSQL with a place in hand, so that those which need no note find places.
final class WaitingCalls: Sendable {
    private let places: Int
    private let taken = Mutex(0)

    /// - Parameter places: How many may wait at once.
    init(places: Int) {
        self.places = places
    }

    /// Takes a place; false when there is none.
    func enter() -> Bool {
        taken.withLock { taken in
            guard taken < places else { return false }
            taken += 1
            return true
        }
    }

    /// Gives a place back.
    func leave() {
        taken.withLock { $0 -= 1 }
    }
}
