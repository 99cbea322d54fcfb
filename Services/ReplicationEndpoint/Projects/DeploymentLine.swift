import CouchProtocol
import Synchronization

/// The line in which the deployments of a process stand: one is under way, the others wait without a connection.
final class DeploymentLine: Sendable {
    private typealias Waiting = (number: Int, continuation: CheckedContinuation<Void, any Error>)

    private struct State {
        var isTaken = false
        var waiting: [Waiting] = []
        var next = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: How many may wait.
    init(limit: Int = 8) { self.limit = limit }

    /// How many wait.
    var count: Int { state.withLock { $0.waiting.count } }

    /// Runs the body when all are done that came before.
    ///
    /// - Throws: 503 when too many wait; `CancellationError` when the task waits no more; what the body throws.
    func withTurn<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await wait()
        defer { leave() }
        return try await body()
    }

    private func wait() async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    // Whoever cancels from now on finds it in the line.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !state.isTaken {
                        state.isTaken = true
                        return .success(())
                    }
                    guard state.waiting.count < limit else {
                        return .failure(CouchError.unavailable("Too many deployments wait. Try again later."))
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
            }
            waiting?.continuation.resume(throwing: CancellationError())
        }
    }

    private func leave() {
        let next = state.withLock { state -> Waiting? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.isTaken = false
            return nil
        }
        next?.continuation.resume()
    }
}
