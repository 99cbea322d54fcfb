import Synchronization

/// Who has how many of the places that this worker has for calls: one project has half of them at most, so that the
/// calls of others find one.
final class CallShares: Sendable {
    /// The most places that calls of one project have, and those that there are besides for what is over, whosever it
    /// is: together as many as a worker has where there is one project alone.
    let ofProject: Int
    private let taken = Mutex<[String: Int]>([:])

    /// - Parameter count: The places of a worker.
    init(_ count: Int) {
        ofProject = max(1, count / 2)
    }

    /// Takes a place for a call of the project; false when it has as many as it may have.
    func begin(_ project: String) -> Bool {
        taken.withLock { taken in
            guard taken[project, default: 0] < ofProject else { return false }
            taken[project, default: 0] += 1
            return true
        }
    }

    /// Gives a place back.
    func end(_ project: String) {
        taken.withLock { taken in taken[project] = taken[project].flatMap { $0 > 1 ? $0 - 1 : nil } }
    }
}
