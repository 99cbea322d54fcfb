import ControlStore
import Foundation
import Projects
import Schedules

/// When each job is due next, as far as this scheduler knows; pure.
struct JobAgenda {
    /// A job of a live project.
    struct Entry {
        let project: String
        let job: Job
        /// When it is due next; nil when never again.
        var next: Timestamp?
    }

    private(set) var entries: [Entry] = []
    /// The earliest of all times: before it nothing needs to be looked at.
    private(set) var earliest: Timestamp?

    init() {}

    /// The jobs that are enabled, have a schedule, and do not rest.
    ///
    /// - Parameters:
    ///   - decided: The time up to which the firings of each known job are decided, by the job's key.
    ///   - now: When new jobs are due: at once.
    init(_ projects: some Sequence<Project>, resting: Set<String>, decided: [String: Date], now: Timestamp) {
        for project in projects {
            for job in project.jobs.values where job.isEnabled && !job.timetable.schedules.isEmpty {
                let key = ControlStore.key(ofJob: job.name, of: project.name)
                guard !resting.contains(key) else { continue }
                // One that is decided into the future is looked at, too: the clock may have been put back.
                let next = decided[key].map { date in
                    Timestamp(date) > now ? now : job.timetable.nextFiring(after: Timestamp(date))
                }
                entries.append(Entry(project: project.name, job: job, next: next ?? now))
            }
        }
        findEarliest()
    }

    /// The places of the entries that are due.
    func due(at now: Timestamp) -> [Int] {
        guard let earliest, earliest <= now else { return [] }
        return entries.indices.filter { entries[$0].next.map { $0 <= now } ?? false }
    }

    /// Notes when entries are due next.
    mutating func note(_ times: [(place: Int, next: Timestamp?)]) {
        for (place, next) in times { entries[place].next = next }
        findEarliest()
    }

    private mutating func findEarliest() {
        earliest = entries.lazy.compactMap(\.next).min()
    }
}
