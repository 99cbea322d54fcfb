/// Lets others have their turn while one task looks at many documents by a selector, each of which may be much work.
package struct WorkTurns: Sendable {
    /// The work so far, as ``Selector/matches(_:collation:work:)`` counts it.
    package var work = 0
    /// What it was at the end of the last turn.
    private var done = 0

    /// As much as a few thousand simple documents.
    private static let turn = 100_000

    package init() {}

    /// Ends when the task was cancelled; gives up the thread for a moment when a turn's work was done.
    package mutating func next() async throws(CancellationError) {
        guard !Task.isCancelled else { throw CancellationError() }
        guard work - done >= Self.turn else { return }
        done = work
        await Task.yield()
    }
}
