import Synchronization

/// Wakes those that wait for a database to change.
final class ChangeSignal: Sendable {
    private struct State {
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Says that the database has changed.
    func send() {
        let waiters = state.withLock { Array($0.waiters.values) }
        for waiter in waiters { waiter.yield() }
    }

    /// What says each change from now on; several that nobody has looked at are one.
    func subscribe() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.waiters[state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.waiters.removeValue(forKey: number) }
        }
        return stream
    }

    /// Waits for a change, or for the end of a while, or until the task is cancelled.
    static func wait(for changes: AsyncStream<Void>, atMost duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in changes { return } }
            group.addTask { try? await Task.sleep(for: duration) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Waits for the first of two changes, or until the task is cancelled.
    static func wait(for changes: AsyncStream<Void>, or others: AsyncStream<Void>) async {
        await withTaskGroup(of: Void.self) { group in
            for either in [changes, others] { group.addTask { for await _ in either { return } } }
            await group.next()
            group.cancelAll()
        }
    }
}
