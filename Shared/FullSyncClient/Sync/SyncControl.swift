import Synchronization

/// What all syncs of a client have in common: whether they may run, and what is known of the session and the server.
final class SyncControl: Sendable {
    private struct State {
        var isSuspended = false
        var isSessionAlive = true
        /// Nil until the server was asked for something.
        var isReachable: Bool?
    }

    let events = Broadcast<FullSyncEvent>()
    /// Says each login.
    let logins = ChangeSignal()
    /// Says that a sync should look whether it may run, or try again at once.
    private let commands = ChangeSignal()
    private let state = Mutex(State())

    var isSuspended: Bool { state.withLock { $0.isSuspended } }

    func suspend() {
        let isNew = state.withLock { state in
            defer { state.isSuspended = true }
            return !state.isSuspended
        }
        guard isNew else { return }
        commands.send()
        events.send(.suspended)
    }

    func resume() {
        let isNew = state.withLock { state in
            defer { state.isSuspended = false }
            return state.isSuspended
        }
        commands.send()
        if isNew { events.send(.resumed) }
    }

    /// Lets syncs that wait before they try again try at once.
    func tryAgain() {
        commands.send()
    }

    func loggedIn(_ user: String) {
        state.withLock { $0.isSessionAlive = true }
        logins.send()
        events.send(.loggedIn(user: user))
    }

    func sessionEnded() {
        let isNew = state.withLock { state in
            defer { state.isSessionAlive = false }
            return state.isSessionAlive
        }
        if isNew { events.send(.sessionEnded) }
    }

    /// Notes whether the server answers.
    ///
    /// - Parameter reason: Why it does not; nil when it does.
    func serverAnswers(_ reason: String?) {
        let (isReachable, before) = state.withLock { state in
            defer { state.isReachable = reason == nil }
            return (reason == nil, state.isReachable)
        }
        switch (before, isReachable) {
        case (true?, true), (false?, false), (nil, true): return
        case (_, true): events.send(.serverReachable)
        case (_, false): events.send(.serverUnreachable(reason: reason ?? ""))
        }
    }

    /// Tells that a database does not grow any more.
    func storageIsFull(of database: String) {
        events.send(.storageFull(database: database))
    }

    /// Waits while syncs are suspended.
    func waitUntilResumed() async throws {
        let later = commands.subscribe()
        guard isSuspended else { return }
        for await _ in later where !isSuspended { return }
        throw CancellationError()
    }

    /// Waits for what a sync that runs must stop for.
    ///
    /// - Parameter isWaiting: Whether the sync waits before it tries again; then it is to try at once when asked.
    func interruption(whileWaiting isWaiting: @Sendable () -> Bool) async throws {
        let later = commands.subscribe()
        if isSuspended { return }
        for await _ in later where isSuspended || isWaiting() { return }
        throw CancellationError()
    }
}
