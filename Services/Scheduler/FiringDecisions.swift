import Contracts
import ControlStore
import Foundation
import Logging
import Projects
import Schedules
import Sequences
import Telemetry

/// Decides which firings of a job run, and makes their runs.
///
/// What was decided is in PostgreSQL alone, so any number of schedulers decide each firing once, and one that starts
/// goes on where the last one stopped.
struct FiringDecisions {
    let control: ControlStore
    let logger: Logger

    /// What was decided.
    struct Decision {
        /// The ids of the runs that were made.
        var runs: [String] = []
        /// When the job is due next; nil when never again.
        var next: Timestamp?
    }

    /// Decides a job's firings up to now.
    ///
    /// - Parameter project: The project that the job is of.
    func decide(_ job: Job, of project: String, now: Timestamp) async throws -> Decision {
        let key = "\(project)/\(job.name)"
        guard let decided = try await control.decidedUntil(job: key) else {
            let firings = firstFirings(of: job, now: now).map { (at: $0.date, run: run(job, of: project)) }
            let made = try await control.fire(job: key, firings, after: nil, until: now.date)
            return Decision(runs: made ?? [], next: job.schedule.nextFiring(after: now))
        }
        let plan = job.planner.plan(decidedUntil: Timestamp(decided), now: now)
        guard !plan.firings.isEmpty else { return Decision(next: plan.next) }
        let started = try await startable(plan.firings, of: job, in: project)
        let firings = started.map { (at: $0.date, run: run(job, of: project)) }
        let made = try await control.fire(job: key, firings, after: decided, until: plan.decidedUntil.date)
        if let made {
            let leftOut = plan.skipped + plan.firings.count - made.count
            logger.info("Job fired", metadata: ["job": "\(key)", "runs": "\(made.count)", "left out": "\(leftOut)"])
        }
        return Decision(runs: made ?? [], next: plan.next)
    }

    /// The firings of a new job: now for an interval, which begins at once; otherwise none, for what its schedule would
    /// have fired before it existed is not missed.
    private func firstFirings(of job: Job, now: Timestamp) -> [Timestamp] {
        if case .every = job.schedule { [now] } else { [] }
    }

    /// Those of the firings that the job's overlap policy lets run, beside the runs that are unfinished and each other.
    private func startable(_ firings: [Timestamp], of job: Job, in project: String) async throws -> [Timestamp] {
        if job.overlap == .allow { return firings }
        var unfinished = try await control.unfinishedRuns(
            project: job.sequence.project ?? project,
            job: job.name,
            limit: Overlap.defaultQueueLimit + 1
        )
        // One of them is under way, or about to be; the others wait for it.
        return firings.filter { _ in
            let decision = job.overlap.decision(running: min(unfinished, 1), waiting: max(unfinished - 1, 0))
            guard decision != .leaveOut else { return false }
            unfinished += 1
            return true
        }
    }

    private func run(_ job: Job, of project: String) -> NewRun {
        var run = NewRun(
            project: job.sequence.project ?? project,
            sequence: job.sequence.sequence,
            cause: .schedule,
            variables: job.variables,
            traceID: TraceContext.makeRoot().traceID
        )
        run.source = job.name
        run.identity = CallerIdentity(user: job.runAs)
        // Firings of a job that queues follow each other; others may run side by side.
        if job.overlap == .queue { run.orderingKeys = ["job/\(project)/\(job.name)"] }
        return run
    }
}
