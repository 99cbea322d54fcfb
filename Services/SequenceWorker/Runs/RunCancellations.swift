import Contracts
import ControlStore
import Synchronization

/// Ends runs of this worker of which somebody says that they shall end.
///
/// A run ends between two steps, or in a step that can be given up: a wait, a script, an answer of a back end. What it
/// did stays done.
final class RunCancellations: Sendable {
    /// The run was ended.
    struct Cancelled: Error {
        let failure = Failure(code: "cancelled", message: "The run was cancelled.")
    }

    private struct State {
        var running: [String: (work: Work, signal: AsyncStream<Void>.Continuation)] = [:]
        /// Runs of which that was said and that are not here, or not yet.
        var early: [(mark: Mark, heard: ContinuousClock.Instant)] = []
    }

    /// What a run is worked on as.
    struct Work {
        let run: String
        let claim: Int64
        /// Whether it is a call, whose caller waits.
        let isAwaited: Bool

        init(_ run: ClaimedRun, isAwaited: Bool) {
            self.run = run.id
            claim = run.claim
            self.isAwaited = isAwaited
        }
    }

    /// What was said of a run.
    private struct Mark {
        let run: String
        let claim: Int64?

        /// Whether that work is meant, and not what began since because a person put the run back in line.
        func means(_ work: Work) -> Bool {
            guard run == work.run else { return false }
            return claim.map { work.claim <= $0 } ?? work.isAwaited
        }
    }

    /// How many are remembered of those that are not here: all workers hear of all runs.
    private static let limit = 1_000
    /// For how long.
    private static let memory = Duration.seconds(60)

    private let state = Mutex(State())

    func hear(_ event: ControlEvent) {
        guard case .cancelled(let run, let claim) = event else { return }
        let mark = Mark(run: run, claim: claim)
        state.withLock { state in
            if let (work, signal) = state.running[run] {
                if mark.means(work) { signal.finish() }
                return
            }
            if state.early.count >= Self.limit { state.early.removeFirst() }
            state.early.append((mark, .now))
        }
    }

    /// Runs the body, unless and until the run is cancelled.
    ///
    /// - Throws: ``Cancelled``, and what the body throws.
    func heeding<Result: Sendable>(
        _ work: Work,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (signal, continuation) = AsyncStream.makeStream(of: Void.self)
        let isEarly = state.withLock { state in
            state.running[work.run] = (work, continuation)
            let now = ContinuousClock.now
            defer { state.early.removeAll { $0.mark.run == work.run } }
            return state.early.contains { $0.mark.means(work) && now - $0.heard < Self.memory }
        }
        defer {
            state.withLock { if $0.running[work.run]?.work.claim == work.claim { $0.running[work.run] = nil } }
        }
        guard !isEarly else { throw Cancelled() }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signal {}
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else {
                // Either the signal, or the end of the task that all this is part of.
                try Task.checkCancellation()
                throw Cancelled()
            }
            return result
        }
    }
}
