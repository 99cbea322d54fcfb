package import JSON
package import Schedules
package import Sequences

/// Does something at the times of its schedules.
package struct Job: Sendable {
    /// What a job does.
    package enum Work: Sendable, Hashable {
        case sequence(SequenceReference)
        case transaction(TransactionReference)
        /// The work of other jobs of the project, one after the other in this order or side by side.
        case group([String], Mode)
    }

    /// How the jobs of a group run.
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// One after the other; one that fails does not keep back those behind it.
        case series
        case parallel
    }

    package let name: String
    package var description: String?
    package var work: Work
    package var variables: JSONObject
    package var timetable: Timetable
    package var missed: MissedFirings
    package var overlap: Overlap
    /// The user that the run is authenticated as at its start; nil for none.
    package var runAs: String?
    package var isEnabled: Bool
    package var positions: MemberPositions

    /// The sequence that a firing runs: the one that is named, or the one that the reader makes of other work.
    package var sequence: SequenceReference {
        switch work {
        case .sequence(let reference): reference
        case .transaction, .group: SequenceReference(sequence: "job:\(name)")
        }
    }

    /// Decides which of the job's firings are due.
    package var planner: SchedulePlanner { SchedulePlanner(timetable: timetable, missed: missed) }
}
