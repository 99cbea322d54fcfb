internal import Synchronization

/// Whether the broker can be used.
package enum ConnectionState: Sendable, Hashable {
    /// Not yet, or no longer; with the last error, when there was one.
    case disconnected(MessagingError?)
    case connected
    /// Connected, but the broker takes no messages (an alarm for memory or disk); consuming goes on.
    case blocked(reason: String)
    /// For good: `run` has ended.
    case closed
}

/// The state of both links as one, and who wants to know.
final class StateBoard: Sendable {
    private struct Board {
        var publishing = ConnectionState.disconnected(nil)
        var consuming = ConnectionState.disconnected(nil)
        var observers: [Int: AsyncStream<ConnectionState>.Continuation] = [:]
        var nextObserver = 0
        var waiters: [Promise<Void>] = []

        var state: ConnectionState {
            switch (publishing, consuming) {
            case (.closed, _), (_, .closed): .closed
            case (.disconnected(let first), .disconnected(let second)): .disconnected(first ?? second)
            case (.disconnected(let error), _), (_, .disconnected(let error)): .disconnected(error)
            default: publishing
            }
        }
    }

    private let board = Mutex(Board())

    var state: ConnectionState { board.withLock { $0.state } }

    func report(_ state: ConnectionState, of role: Link.Role) {
        let (observers, waiters, combined) = board.withLock { board in
            let before = board.state
            switch role {
            case .publishing: board.publishing = state
            case .consuming: board.consuming = state
            }
            let after = board.state
            let waiters = after.isSettled ? board.waiters : []
            if after.isSettled { board.waiters = [] }
            return (before == after ? [] : Array(board.observers.values), waiters, after)
        }
        for waiter in waiters {
            waiter.resolve(combined == .closed ? .failure(.closed) : .success(()))
        }
        for observer in observers {
            observer.yield(combined)
            if combined == .closed { observer.finish() }
        }
    }

    /// Resolved when the state is no longer disconnected.
    func whenSettled() -> Promise<Void> {
        let promise = Promise<Void>()
        let state = board.withLock { board in
            if !board.state.isSettled {
                board.waiters.removeAll { $0.isResolved }
                board.waiters.append(promise)
            }
            return board.state
        }
        if state.isSettled { promise.resolve(state == .closed ? .failure(.closed) : .success(())) }
        return promise
    }

    /// The present state and each that follows; one that comes before its forerunner was taken replaces it.
    func states() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let (number, state) = board.withLock { board in
            board.nextObserver += 1
            board.observers[board.nextObserver] = continuation
            return (board.nextObserver, board.state)
        }
        continuation.onTermination = { [weak self] _ in
            self?.board.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        continuation.yield(state)
        if state == .closed { continuation.finish() }
        return stream
    }
}

extension ConnectionState {
    fileprivate var isSettled: Bool {
        guard case .disconnected = self else { return true }
        return false
    }
}
