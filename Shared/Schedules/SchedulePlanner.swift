/// Decides which firings of a job are due.
///
/// A pure function of its timetable, of the moment up to which firings were decided before, and of the present moment:
/// any number of schedulers come to the same firings, and one row per job and time keeps each from being done twice.
package struct SchedulePlanner: Sendable, Hashable {
    package let timetable: Timetable
    package let missed: MissedFirings
    /// How late, in seconds, a firing may be and still count as on time; one after which the next has come is missed.
    package let grace: Int
    /// How many missed firings are made up for at most, the latest ones, when all are.
    package let limit: Int

    /// How late a firing may be when nothing else is said.
    package static let defaultGrace = 60
    /// How many missed firings are made up for when nothing else is said.
    package static let defaultLimit = 100
    /// How many moments of the past are looked at in one decision; older ones are left out.
    private static let searchLimit = 100_000

    package init(
        timetable: Timetable,
        missed: MissedFirings,
        grace: Int = Self.defaultGrace,
        limit: Int = Self.defaultLimit
    ) {
        self.timetable = timetable
        self.missed = missed
        self.grace = grace
        self.limit = limit
    }

    /// What is due.
    package struct Plan: Sendable, Hashable {
        /// The firings to record, in order of time; each in the second in which it was due.
        package let firings: [Timestamp]
        /// How many firings were due and are left out: they were missed.
        package let skipped: Int
        /// The last of them; nil when there is none.
        package let lastSkipped: Timestamp?
        /// The moment up to which firings are decided now.
        package let decidedUntil: Timestamp
        /// When to look again; nil when the job never fires again.
        package let next: Timestamp?
    }

    /// Decides on the firings after `decided`, up to and including `now`.
    ///
    /// A clock that was put back, so that `now` is before `decided`, fires nothing again.
    package func plan(decidedUntil decided: Timestamp, now: Timestamp) -> Plan {
        guard now > decided else {
            return Plan(
                firings: [],
                skipped: 0,
                lastSkipped: nil,
                decidedUntil: decided,
                next: timetable.nextFiring(after: decided)
            )
        }
        var due: [Timestamp] = []
        var skipped = 0
        var lastSkipped: Timestamp?
        var last = decided
        while let firing = timetable.nextFiring(after: last), firing <= now {
            due.append(firing)
            last = firing
            if due.count > Self.searchLimit {
                // Far too many to be wanted one by one: go on near the present.
                skipped += due.count
                lastSkipped = due.last
                due.removeAll(keepingCapacity: true)
                last = max(last, now + -max(grace, Self.searchLimit))
            }
        }
        // The schedule's interval is all the grace that there is where it is shorter: what comes often need not be
        // made up for one by one after a moment's outage.
        let onTime = due.suffix(1).filter { now - $0 <= grace }
        let late = due.dropLast(onTime.count)
        let madeUp: [Timestamp] =
            switch missed {
            case .skip: []
            // A firing that is on time makes up for those before it.
            case .once: onTime.isEmpty ? late.suffix(1) : []
            case .all: late.suffix(max(0, limit - onTime.count))
            }
        let firings = madeUp + onTime
        return Plan(
            firings: firings,
            skipped: skipped + due.count - firings.count,
            // What is made up for are the latest ones.
            lastSkipped: late.dropLast(madeUp.count).last ?? lastSkipped,
            decidedUntil: now,
            next: timetable.nextFiring(after: now)
        )
    }
}
