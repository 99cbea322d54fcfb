import Synchronization

/// How many of those who change something are not done.
final class Countdown: Sendable {
    let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    var isOver: Bool { left.load(ordering: .sequentiallyConsistent) == 0 }

    func countDown() { left.subtract(1, ordering: .sequentiallyConsistent) }
}
