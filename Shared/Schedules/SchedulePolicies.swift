/// What happens to firings whose time passed while nobody looked.
package enum MissedFirings: String, Sendable, Hashable, CaseIterable {
    /// They are left out.
    case skip
    /// The latest of them is made up for.
    case once
    /// All of them are made up for, up to a limit.
    case all
}

/// What happens to a firing while a run of an earlier one is still under way.
package enum Overlap: String, Sendable, Hashable, CaseIterable {
    /// It is left out.
    case skip
    /// It waits for its turn.
    case queue
    /// It runs beside the other.
    case allow

    /// What to do with a firing, when `running` runs of earlier ones are under way and `waiting` wait for their turn.
    package func decision(running: Int, waiting: Int, queueLimit: Int = Self.defaultQueueLimit) -> FiringDecision {
        switch self {
        case .allow: .start
        case .skip: running + waiting > 0 ? .leaveOut : .start
        case .queue: running + waiting == 0 ? .start : waiting < queueLimit ? .wait : .leaveOut
        }
    }

    /// How many firings of one job wait when nothing else is said.
    package static let defaultQueueLimit = 100
}

/// What becomes of a firing.
package enum FiringDecision: Sendable, Hashable {
    case start
    case wait
    /// Nothing runs; the history says so.
    case leaveOut
}
