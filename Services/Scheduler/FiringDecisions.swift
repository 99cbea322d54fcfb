import ControlStore
import Foundation
import Logging
import Projects
import Schedules
import Sequences

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

    /// How far in the future decisions may lie, in seconds, before the clock is taken to have been put back.
    private static let tolerance = 300

    /// Decides a job's firings up to now.
    ///
    /// - Parameter project: The project that the job is of.
    func decide(_ job: Job, of project: String, now: Timestamp) async throws -> Decision {
        let key = ControlStore.key(ofJob: job.name, of: project)
        guard let decided = try await control.decidedUntil(job: key) else {
            let firings = firstFirings(of: job, now: now).map { (at: $0.date, run: job.run(of: project) as NewRun?) }
            let made = try await control.fire(
                job: key,
                firings,
                of: job.timetable.description,
                after: nil,
                until: now.date,
                overlap: job.overlap
            )
            return Decision(runs: made ?? [], next: made == nil ? now : job.timetable.nextFiring(after: now))
        }
        guard Timestamp(decided) <= now + Self.tolerance else {
            // The clock had been ahead. What has fired under it does not fire again: there is one row for each time.
            logger.warning("The clock was put back; the job goes on by the present one", metadata: ["job": "\(key)"])
            _ = try await control.fire(
                job: key,
                [],
                of: job.timetable.description,
                after: decided,
                until: now.date
            )
            return Decision(next: job.timetable.nextFiring(after: now))
        }
        let plan = job.planner.plan(decidedUntil: Timestamp(decided), now: now)
        guard !plan.firings.isEmpty || plan.lastSkipped != nil else { return Decision(next: plan.next) }
        let firings = plan.firings.map { (at: $0.date, run: job.run(of: project) as NewRun?) }
        let made = try await control.fire(
            job: key,
            firings,
            missed: plan.lastSkipped.map { (plan.skipped, $0.date) },
            of: job.timetable.description,
            after: decided,
            until: plan.decidedUntil.date,
            overlap: job.overlap
        )
        // Another one decided, perhaps not up to this moment: what it left is looked at again.
        guard let made else { return Decision(next: now) }
        let leftOut = plan.skipped + plan.firings.count - made.count
        logger.info("Job fired", metadata: ["job": "\(key)", "runs": "\(made.count)", "left out": "\(leftOut)"])
        return Decision(runs: made, next: plan.next)
    }

    /// The firings of a new job: now for an interval, which begins at once; otherwise none, for what its schedules
    /// would have fired before it existed is not missed.
    private func firstFirings(of job: Job, now: Timestamp) -> [Timestamp] {
        job.timetable.firesAtOnce ? [now] : []
    }
}
