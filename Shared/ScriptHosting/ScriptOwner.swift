/// For whom scripts run: those of one owner share what hosts there are with those of others.
package enum ScriptOwner {
    /// The owner of the scripts that the task asks for, a project as a rule.
    ///
    /// Where nobody is named, each design document's functions are for themselves.
    @TaskLocal package static var current: String?
}

/// The requests among which the hosts are shared, lane by lane.
enum ScriptLane: Hashable, Sendable {
    case owner(String)
    /// Functions, by the number that the pool has given them.
    case functions(Int)
    /// All others.
    case shared
}
