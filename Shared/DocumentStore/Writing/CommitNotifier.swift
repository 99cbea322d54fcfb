import Logging
import Postgres
import Synchronization

/// Tells whoever listens on PostgreSQL that databases have new changes, after their commits.
///
/// Not within the commit: a transaction that notifies holds a lock on all of PostgreSQL's notifications until its log
/// is flushed, so that commits would wait for one another. Many commits become one notification, and a lost one costs
/// the time until its listener's next regular look.
final class CommitNotifier: Sendable {
    private struct State {
        var databases: Set<String> = []
        var isNotifying = false
    }

    /// How long the commits behind a notification gather until the next one.
    private static let gathering = Duration.milliseconds(5)

    private let client: PostgresClient
    private let logger: Logger
    private let state = Mutex(State())

    init(_ client: PostgresClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// Notes that the database has new changes.
    func committed(_ database: Database) {
        let mustStart = state.withLock { state in
            state.databases.insert(database.name)
            defer { state.isNotifying = true }
            return !state.isNotifying
        }
        guard mustStart else { return }
        Task { await notify() }
    }

    private func notify() async {
        while let databases = next() {
            do {
                // The notification need not survive a crash: its commit need not wait for the disk.
                _ = try await client.query(
                    """
                    SELECT set_config('synchronous_commit', 'off', true),
                        pg_notify(\(DocumentStore.commitChannel), name)
                    FROM unnest(\(Array(databases))) AS name
                    """
                )
            } catch {
                logger.debug("A commit was not announced", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.gathering)
        }
    }

    private func next() -> Set<String>? {
        state.withLock { state in
            guard !state.databases.isEmpty else {
                state.isNotifying = false
                return nil
            }
            defer { state.databases = [] }
            return state.databases
        }
    }
}

extension DocumentStore {
    /// The PostgreSQL channel on which the names of databases with new changes are said.
    package static let commitChannel = "fullsync_commits"
}
