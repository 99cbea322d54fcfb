package import JSON
package import Schedules
package import Sequences

/// Starts a sequence at the times of a schedule.
package struct Job: Sendable {
    package let name: String
    package var description: String?
    package var sequence: SequenceReference
    package var variables: JSONObject
    package var schedule: Schedule
    package var missed: MissedFirings
    package var overlap: Overlap
    /// The user that the run is authenticated as at its start; nil for none.
    package var runAs: String?
    package var isEnabled: Bool
    package var positions: MemberPositions

    /// Decides which of the job's firings are due.
    package var planner: SchedulePlanner { SchedulePlanner(schedule: schedule, missed: missed) }
}
