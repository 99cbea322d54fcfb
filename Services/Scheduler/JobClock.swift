import ControlStore
import Foundation
import Logging
import Messaging
import Projects
import Schedules
import ServiceLifecycle
import ServiceRuntime

/// Looks four times a second which jobs are due, and makes their runs.
///
/// The time is PostgreSQL's, the same for every scheduler. Each keeps in mind when each job is due next, so that a look
/// costs nothing while no job is; what is decided is in PostgreSQL alone (``FiringDecisions``).
struct JobClock: Service {
    let broker: MessageBroker
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let logger: Logger

    private static let period = Duration.milliseconds(250)
    /// How long the decisions about firings are kept; no scheduler comes back from further.
    private static let retention = Duration.seconds(30 * 86_400)
    private static let looksBetweenPrunings = 10_000

    /// When a job of a version of a project is due next; nil when never again.
    private struct Due {
        let version: Int
        let next: Timestamp?
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var due: [String: Due] = [:]
            var looks = 0
            while !Task.isCancelled {
                do {
                    try await look(&due)
                    looks += 1
                    if looks % Self.looksBetweenPrunings == 0 {
                        try await control.pruneFirings(olderThan: Self.retention)
                    }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("The jobs could not be looked at", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.period)
            }
        }
    }

    private func look(_ due: inout [String: Due]) async throws {
        let jobs = catalogue.current.values.flatMap { live in
            live.project.jobs.values.filter(\.isEnabled).map { (live, $0) }
        }
        let waiting = jobs.filter { live, job in
            let known = due[Self.key(live, job)]
            guard let known, known.version == live.version else { return true }
            return known.next.map { $0 <= Timestamp(.now) } ?? false
        }
        guard !waiting.isEmpty else { return }
        let now = Timestamp(try await control.now())
        for (live, job) in waiting {
            let next = try await decide(job, of: live, now: now)
            due[Self.key(live, job)] = Due(version: live.version, next: next)
        }
    }

    private static func key(_ live: LiveProject, _ job: Job) -> String {
        "\(live.project.name)/\(job.name)"
    }

    private func decide(_ job: Job, of live: LiveProject, now: Timestamp) async throws -> Timestamp? {
        let decision = try await FiringDecisions(control: control, logger: logger)
            .decide(job, of: live.project.name, now: now)
        try await broker.publishAll(decision.runs.map(OutgoingMessage.runReady))
        return decision.next
    }
}
