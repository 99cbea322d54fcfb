import ControlStore
import DocumentStore
import Logging
import Metrics
import ServiceLifecycle
import ServiceRuntime

/// Shows in `/metrics` what waits: the changes that those who follow a database have not seen yet
/// (`fullsync_changes_behind`), and the runs that wait, run, or were set aside (`fullsync_runs`).
///
/// Every change listener shows the same figures, those of the whole system.
struct BacklogGauges: Service {
    let store: DocumentStore
    let progress: FollowersProgress
    let logger: Logger

    private static let period = Duration.seconds(5)

    func run() async throws {
        let shown = ShownFollowers()
        await repeatedly(every: Self.period, logger, onFailure: "What waits could not be counted") {
            await shown.show(try await behind())
            for (state, count) in try await progress.control.unfinishedRuns() {
                Gauge(label: "fullsync_runs", dimensions: [("state", state.rawValue)]).record(count)
            }
        }
    }

    /// How many changes each follower is behind the end of its database.
    private func behind() async throws -> [ShownFollowers.Follower: Int] {
        var behind: [ShownFollowers.Follower: Int] = [:]
        let positions = try await progress.control.positions()
        for end in try await store.endsOfDatabases() {
            for follower in progress.followers(of: end.database) {
                let position = positions[end.database]?[follower]
                // In an earlier database of that name it has seen nothing of this one.
                let seq = position?.incarnation == end.originalIncarnation ? position?.seq ?? 0 : 0
                behind[.init(name: follower, database: end.database)] = max(0, end.seq - seq)
            }
        }
        return behind
    }
}

/// The followers that have a gauge: one that is gone is behind nothing.
private actor ShownFollowers {
    struct Follower: Hashable {
        let name: String
        let database: String
    }

    private var gauges: [Follower: Gauge] = [:]

    func show(_ behind: [Follower: Int]) {
        for (follower, gauge) in gauges where behind[follower] == nil {
            gauge.record(0)
            gauges[follower] = nil
        }
        for (follower, count) in behind {
            let gauge = gauges[follower] ?? gauge(of: follower)
            gauges[follower] = gauge
            gauge.record(count)
        }
    }

    private func gauge(of follower: Follower) -> Gauge {
        let labels = [("database", follower.database), ("follower", follower.name)]
        return Gauge(label: "fullsync_changes_behind", dimensions: labels)
    }
}
