import Synchronization

/// Tells the branches of a `parallel` that one of them has failed.
///
/// A branch ends between two steps and never in the midst of an effect, which would leave its outcome unknown.
package final class ParallelStop: Sendable {
    /// Ends a branch whose sibling has failed.
    struct Stopped: Error {}

    private let stopped = Atomic<Bool>(false)
    private let outer: ParallelStop?

    /// A stop inside another one, which ends with it.
    init(inside outer: ParallelStop?) {
        self.outer = outer
    }

    var isStopped: Bool {
        stopped.load(ordering: .acquiring) || outer?.isStopped ?? false
    }

    func stop() {
        stopped.store(true, ordering: .releasing)
    }
}
