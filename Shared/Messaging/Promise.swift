internal import Synchronization

/// A value that comes once, from another thread, for one waiting task; the first outcome counts.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Result<Value, MessagingError>, Never>)
        case resolved(Result<Value, MessagingError>)
    }

    private let state = Mutex(State.open)
    private let onResolve: @Sendable (Result<Value, MessagingError>) -> Void
    private let isAbandoned: @Sendable () -> Bool

    /// A promise that tells another one; it counts as resolved when that one needs it no more.
    init(
        onResolve: @escaping @Sendable (Result<Value, MessagingError>) -> Void = { _ in },
        isAbandoned: @escaping @Sendable () -> Bool = { false }
    ) {
        self.onResolve = onResolve
        self.isAbandoned = isAbandoned
    }

    func resolve(_ result: Result<Value, MessagingError>) {
        let before = state.withLock { state in
            let before = state
            if case .resolved = before { return before }
            state = .resolved(result)
            return before
        }
        switch before {
        case .open: onResolve(result)
        case .waiting(let continuation):
            continuation.resume(returning: result)
            onResolve(result)
        case .resolved: return
        }
    }

    var isResolved: Bool {
        let isResolved = state.withLock { state in
            guard case .resolved = state else { return false }
            return true
        }
        return isResolved || isAbandoned()
    }

    /// Waits; to be called once.
    ///
    /// A cancelled task stops waiting with ``MessagingError/cancelled``.
    func value() async throws(MessagingError) -> Value {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Result<Value, MessagingError>? in
                    switch state {
                    case .open:
                        state = .waiting(continuation)
                        return nil
                    case .waiting: preconditionFailure("a promise has one waiter")
                    case .resolved(let result): return result
                    }
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            resolve(.failure(.cancelled))
        }
        return try result.get()
    }

    /// Waits no longer than `limit`, then throws ``MessagingError/timedOut(_:)`` with the reason given.
    func value(within limit: Duration, _ reason: @autoclosure () -> String) async throws(MessagingError) -> Value {
        let timeout = MessagingError.timedOut(reason())
        let timer = Task {
            try? await Task.sleep(for: limit)
            if !Task.isCancelled { resolve(.failure(timeout)) }
        }
        defer { timer.cancel() }
        return try await value()
    }
}
