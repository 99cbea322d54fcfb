import Synchronization

/// The databases that were looked up a moment ago: every request names one.
///
/// What this process changes is seen at once. What another one changes is seen within a second, as with sessions and
/// groups; a database that has gone in between answers a write with `not_found` all the same.
final class RecentDatabases: Sendable {
    private struct Known {
        let database: Database
        let until: ContinuousClock.Instant
    }

    private struct State {
        var known: [String: Known] = [:]
        /// How often something was forgotten: what was looked up before is not kept.
        var changes = 0
    }

    private static let memory = Duration.seconds(1)
    private static let limit = 10_000

    private let state = Mutex(State())

    /// The database of that name, looked up where it is not known.
    func database(_ name: String, look: () async throws -> Database) async throws -> Database {
        let (known, changes) = state.withLock { ($0.known[name], $0.changes) }
        if let known, known.until > .now { return known.database }
        let database = try await look()
        state.withLock { state in
            guard state.changes == changes else { return }
            if state.known.count >= Self.limit { state.known.removeAll() }
            state.known[name] = Known(database: database, until: .now + Self.memory)
        }
        return database
    }

    /// Forgets all, because one has changed.
    func forget() {
        state.withLock { state in
            state.known.removeAll()
            state.changes += 1
        }
    }
}
