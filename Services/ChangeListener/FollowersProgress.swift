import ControlStore
import DocumentStore
import Postgres
import Projects

/// How far those who follow a database's changes have come.
///
/// A listener that was taken out of its project keeps nothing: only the followers of what is live count. As long as
/// this process does not know all that is live – just after its start, or where it cannot read a version of a project –
/// nobody can say who they are.
struct FollowersProgress: Sendable {
    let control: ControlStore
    let catalogue: ProjectCatalogue

    /// The last change that every follower has seen; nil when one of them has seen nothing yet, or may not have.
    ///
    /// - Parameter connection: What PostgreSQL is asked over, within a transaction; nil for any.
    func slowest(in database: Database, over connection: PostgresConnection? = nil) async throws -> Int? {
        let versions: [String: Int]
        if let connection {
            versions = try await control.liveVersions(over: connection)
        } else {
            versions = try await control.liveVersions()
        }
        let known = catalogue.current
        guard versions.allSatisfy({ known[$0.key]?.version == $0.value }) else { return nil }
        let positions = try await control.positions(in: database.name, over: connection)
        var slowest = Int.max
        for follower in followers(of: database.name, in: known) {
            // One that has not begun, or is in an earlier incarnation, has seen nothing.
            guard let position = positions[follower], position.incarnation == database.originalIncarnation else {
                return nil
            }
            slowest = min(slowest, position.seq)
        }
        return slowest
    }

    /// Those who follow a database, as far as this process knows.
    func followers(of database: String) -> [String] { followers(of: database, in: catalogue.current) }

    private func followers(of database: String, in projects: [String: LiveProject]) -> [String] {
        let listeners = projects.values.flatMap { live in
            live.project.listeners.values
                .filter { $0.isEnabled && $0.database == database }
                .map { Listener.follower($0.name, of: live.project.name) }
        }
        return [ChangePublisher.follower] + listeners
    }
}
