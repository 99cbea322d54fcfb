import Synchronization

/// A value that one task waits for and the first of several settles; what comes later is dropped.
///
/// For work that cannot be stopped: who waits for it can stop waiting.
package final class Settlement<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, Never>)
        case settled(Value)
        case over
    }

    private let state = Mutex(State.open)

    package init() {}

    /// Gives the value, unless there is one.
    package func settle(_ value: Value) {
        let waiting = state.withLock { state -> CheckedContinuation<Value, Never>? in
            switch state {
            case .open:
                state = .settled(value)
                return nil
            case .awaited(let continuation):
                state = .over
                return continuation
            case .settled, .over: return nil
            }
        }
        waiting?.resume(returning: value)
    }

    /// Waits for the value; to be called once.
    package func value() async -> Value {
        await withCheckedContinuation { continuation in
            let settled = state.withLock { state -> Value? in
                if case .settled(let value) = state {
                    state = .over
                    return value
                }
                state = .awaited(continuation)
                return nil
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}

extension ThreadPoolExecutor {
    /// Runs work that blocks on one of the threads, and waits for it no longer than up to the deadline, or until the
    /// task is cancelled; nil when it is not done by then, and goes on alone.
    package func run<Value: Sendable>(
        until deadline: ContinuousClock.Instant,
        _ work: @escaping @Sendable () -> Value
    ) async -> Value? {
        let outcome = Settlement<Value?>()
        Task { outcome.settle(await run(work)) }
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            outcome.settle(nil)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await outcome.value()
        } onCancel: {
            outcome.settle(nil)
        }
    }
}
