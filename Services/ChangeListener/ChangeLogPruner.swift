import ControlStore
import CouchProtocol
import DocumentStore
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Forgets old changes that every follower has seen, so that the change log does not grow for ever.
struct ChangeLogPruner: Service {
    let store: DocumentStore
    let progress: FollowersProgress
    /// How long changes are kept that everybody has seen.
    let retention: Duration
    let logger: Logger

    private static let period = Duration.seconds(60)
    private static let stretch = 10_000

    func run() async throws {
        await repeatedly(every: Self.period, logger, onFailure: "The change log could not be pruned") {
            try await prune(try await store.databaseNames())
        }
    }

    /// Prunes the databases' logs; where one fails, it is left to the next round, and the others have their turn.
    func prune(_ names: [String]) async throws(CancellationError) {
        for name in names {
            do {
                try await prune(name)
            } catch is CancellationError {
                throw CancellationError()
            } catch let error as CouchError where error == .noDatabase {
                // It was deleted meanwhile.
            } catch {
                logger.warning(
                    "The change log could not be pruned",
                    metadata: ["database": "\(name)", "error": "\(error)"]
                )
            }
        }
    }

    private func prune(_ name: String) async throws {
        let database = try await store.database(name)
        while try await pruneStretch(of: database) == Self.stretch {}
    }

    /// Forgets a stretch of a database's changes.
    ///
    /// Between deployments: one that brings a listener back looks how far back the log reaches, and whoever prunes
    /// behind that knows of the listener, or knows that it does not know all that is live.
    private func pruneStretch(of database: Database) async throws -> Int {
        try await progress.control.betweenDeployments { connection in
            guard let slowest = try await progress.slowest(in: database, over: connection) else { return 0 }
            return try await store.pruneChangeLog(
                of: database,
                // The compaction reads the log, too.
                through: min(slowest, try await store.compactedThrough(database, over: connection)),
                olderThan: retention,
                limit: Self.stretch,
                over: connection
            )
        }
    }
}
