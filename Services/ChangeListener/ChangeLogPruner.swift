import ControlStore
import DocumentStore
import Logging
import Projects
import ServiceLifecycle

/// Forgets old changes that every follower has seen, so that the change log does not grow for ever.
///
/// A listener that was taken out of its project keeps nothing: only the followers of what is live count.
struct ChangeLogPruner: Service {
    let control: ControlStore
    let store: DocumentStore
    let catalogue: ProjectCatalogue
    /// How long changes are kept that everybody has seen.
    let retention: Duration
    let logger: Logger

    private static let period = Duration.seconds(60)
    private static let stretch = 10_000

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: Self.period)
                    for name in try await store.databaseNames() { try await prune(name) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("The change log could not be pruned", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private func prune(_ name: String) async throws {
        let database = try await store.database(name)
        let positions = try await control.positions(in: name)
        var slowest = Int.max
        for follower in followers(of: name) {
            // One that has not begun, or is in an earlier incarnation, has seen nothing.
            guard let position = positions[follower], position.incarnation == database.incarnation else { return }
            slowest = min(slowest, position.seq)
        }
        while try await store.pruneChangeLog(
            of: database,
            through: slowest,
            olderThan: retention,
            limit: Self.stretch
        ) == Self.stretch {}
    }

    private func followers(of database: String) -> [String] {
        let listeners = catalogue.current.values.flatMap { live in
            live.project.listeners.values
                .filter { $0.isEnabled && $0.database == database }
                .map { Listener.follower($0.name, of: live.project.name) }
        }
        return [ChangePublisher.follower] + listeners
    }
}
