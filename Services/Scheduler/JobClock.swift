import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Projects
import Schedules
import Sequences
import ServiceLifecycle
import ServiceRuntime
import Telemetry

/// Looks every second which jobs are due, and makes their runs.
///
/// The time is PostgreSQL's, the same for every scheduler. Each keeps in mind when each job is due next, so that a look
/// costs nothing while no job is; what is decided is one row per job and time, so that several schedulers, and one that
/// was dead for a while, decide each firing once.
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

    /// Decides a job's firings up to now, makes their runs, and says when it is due next.
    private func decide(_ job: Job, of live: LiveProject, now: Timestamp) async throws -> Timestamp? {
        let key = Self.key(live, job)
        guard let decided = try await control.decidedUntil(job: key) else {
            try await begin(job, of: live, now: now)
            return job.schedule.nextFiring(after: now)
        }
        let plan = job.planner.plan(decidedUntil: Timestamp(decided), now: now)
        guard !plan.firings.isEmpty else { return plan.next }
        if job.overlap == .skip, try await control.hasUnfinishedRun(project: live.project.name, job: job.name) {
            logger.notice("A firing was left out: the one before is not done", metadata: ["job": "\(key)"])
            _ = try await control.fire(job: key, [], until: plan.decidedUntil.date)
            return plan.next
        }
        let firings = plan.firings.map { (at: $0.date, run: run(job, of: live)) }
        let made = try await control.fire(job: key, firings, until: plan.decidedUntil.date)
        if !made.isEmpty {
            logger.info(
                "Job fired",
                metadata: ["job": "\(key)", "runs": "\(made.count)", "left out": "\(plan.skipped)"]
            )
            try await broker.publishAll(made.map(OutgoingMessage.runReady))
        }
        return plan.next
    }

    /// Decides the first firing of a new job: at once for an interval, which counts from now; otherwise none, for what
    /// its schedule would have fired before it existed is not missed.
    private func begin(_ job: Job, of live: LiveProject, now: Timestamp) async throws {
        var firings: [(at: Date, run: NewRun)] = []
        if case .every = job.schedule { firings.append((at: now.date, run: run(job, of: live))) }
        let made = try await control.fire(job: Self.key(live, job), firings, until: now.date)
        try await broker.publishAll(made.map(OutgoingMessage.runReady))
    }

    private func run(_ job: Job, of live: LiveProject) -> NewRun {
        var run = NewRun(
            project: job.sequence.project ?? live.project.name,
            sequence: job.sequence.sequence,
            cause: .schedule,
            variables: job.variables,
            traceID: TraceContext.makeRoot().traceID
        )
        run.source = job.name
        run.identity = CallerIdentity(user: job.runAs)
        // Firings of a job that queues follow each other; others may run side by side.
        if job.overlap == .queue { run.orderingKeys = ["job/\(live.project.name)/\(job.name)"] }
        return run
    }
}
