import CouchProtocol
import DocumentStore
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Deletes the bodies of revisions that were superseded a while ago, in small steps, without being asked; and finishes
/// what a process that died has left undone for users who left groups.
///
/// Of many processes one at a time compacts a database. What a listener has not seen yet is kept: it may want to look
/// at a document as it was.
struct Compactor: Service {
    let store: DocumentStore
    let progress: FollowersProgress
    /// How long the body of a superseded revision is kept.
    let age: Duration
    let logger: Logger

    /// How often it looks for something to do; an administrator who asks for a compaction waits no longer than this.
    private static let period = Duration.seconds(5)

    func run() async throws {
        await repeatedly(every: Self.period, logger, onFailure: "Old revisions could not be compacted") {
            try await store.finishDepartures()
            for name in try await store.databaseNames() { try await compactIfPossible(name) }
        }
    }

    /// Compacts a database; where it fails, it is left to the next round, and the other databases have their turn.
    private func compactIfPossible(_ name: String) async throws(CancellationError) {
        do {
            try await compact(name)
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as CouchError where error == .noDatabase {
            // It was deleted meanwhile.
        } catch {
            logger.warning(
                "Old revisions could not be compacted",
                metadata: ["database": "\(name)", "error": "\(error)"]
            )
        }
    }

    private func compact(_ name: String) async throws {
        let database = try await store.database(name)
        guard let seq = try await progress.slowest(in: database) else { return }
        while try await store.compact(database, through: seq, olderThan: age) { try Task.checkCancellation() }
    }
}
