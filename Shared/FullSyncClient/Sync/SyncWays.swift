import Synchronization

/// The ways of one sync, each of which can be ended by itself while the others go on.
final class SyncWays: Sendable {
    private struct State {
        var stopped: Set<SyncDirection> = []
        var tasks: [SyncDirection: Task<SyncResult, any Error>] = [:]
        var hasBegunSince = false
    }

    private let state = Mutex(State())

    /// Whether the pull has begun at the place that the application gave; it goes on from where it has come to then.
    var hasBegunSince: Bool { state.withLock { $0.hasBegunSince } }

    func beganSince() {
        state.withLock { $0.hasBegunSince = true }
    }

    /// Carries out one way, unless it was ended before; one that is ended has brought nothing over that is told.
    func run(
        _ direction: SyncDirection,
        _ body: @escaping @Sendable () async throws -> SyncResult
    ) async throws -> SyncResult {
        let task = state.withLock { state -> Task<SyncResult, any Error>? in
            guard !state.stopped.contains(direction) else { return nil }
            let task = Task { try await body() }
            state.tasks[direction] = task
            return task
        }
        guard let task else { return SyncResult() }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch  where !Task.isCancelled && isStopped(direction) {
            return SyncResult()
        }
    }

    /// Ends one way, and returns when it has ended.
    func stop(_ direction: SyncDirection) async {
        let task = state.withLock { state in
            state.stopped.insert(direction)
            return state.tasks[direction]
        }
        task?.cancel()
        _ = try? await task?.value
    }

    private func isStopped(_ direction: SyncDirection) -> Bool {
        state.withLock { $0.stopped.contains(direction) }
    }
}
