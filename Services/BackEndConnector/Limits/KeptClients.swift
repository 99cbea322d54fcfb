import Synchronization

/// Clients of back ends that are kept between calls, one for each connector and way of connecting.
///
/// Runs that began on an earlier version of a project go on with its way, so several of one connector may be in use;
/// one that has not been used for longer than any call may last is closed.
final class KeptClients<Key: Hashable & Sendable, Client: Sendable>: Sendable {
    private struct Place: Hashable {
        let name: ConnectorName
        let key: Key
    }

    private struct Entry {
        let client: Client
        var lastUse: ContinuousClock.Instant
    }

    private struct State {
        var entries: [Place: Entry] = [:]
        /// Whether a task looks for those that are no longer used.
        var isWatched = false
    }

    private let state = Mutex(State())
    /// Longer than any call.
    private let idleTime: Duration
    private let close: @Sendable (Client) async -> Void

    init(idleTime: Duration = .seconds(900), close: @escaping @Sendable (Client) async -> Void) {
        self.idleTime = idleTime
        self.close = close
    }

    /// The client of a connector for that way of connecting, which `make` makes when there is none.
    func client<Failure: Error>(
        of name: ConnectorName,
        for key: Key,
        _ make: () throws(Failure) -> Client
    ) throws(Failure) -> Client {
        let place = Place(name: name, key: key)
        let now = ContinuousClock.now
        let known = state.withLock { state -> Client? in
            state.entries[place]?.lastUse = now
            return state.entries[place]?.client
        }
        if let known { return known }
        let made = try make()
        let (other, mustWatch) = state.withLock { state -> (Client?, Bool) in
            if let other = state.entries[place]?.client { return (other, false) }
            state.entries[place] = Entry(client: made, lastUse: now)
            defer { state.isWatched = true }
            return (nil, !state.isWatched)
        }
        if mustWatch { watch() }
        guard let other else { return made }
        Task { await close(made) }
        return other
    }

    /// Closes those that are no longer used, as long as there are any.
    private func watch() {
        Task { [weak self, idleTime] in
            while true {
                try? await Task.sleep(for: idleTime)
                guard let old = self?.takeUnused() else { return }
                for client in old { await self?.close(client) }
            }
        }
    }

    /// Takes out those that are no longer used; nil when there are none at all, and nobody watches from then on.
    private func takeUnused() -> [Client]? {
        let oldest = ContinuousClock.now - idleTime
        return state.withLock { state in
            guard !state.entries.isEmpty else {
                state.isWatched = false
                return nil
            }
            let old = state.entries.filter { $0.value.lastUse < oldest }
            for key in old.keys { state.entries[key] = nil }
            return old.values.map(\.client)
        }
    }

    /// Closes all of them.
    func closeAll() async {
        let all = state.withLock { state in
            defer { state.entries.removeAll() }
            return state.entries.values.map(\.client)
        }
        for client in all { await close(client) }
    }
}
