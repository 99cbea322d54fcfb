/// `break:`: leaves the innermost loop.
struct BreakStep: StepAction {
    static let keyword = "break"

    init?(reading members: inout StepMembers) {
        guard members.mayLeaveLoop() else { return nil }
    }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow { .leaveLoop }
}

/// `continue:`: goes on with the next turn of the innermost loop.
struct ContinueStep: StepAction {
    static let keyword = "continue"

    init?(reading members: inout StepMembers) {
        guard members.mayLeaveLoop() else { return nil }
    }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow { .nextTurn }
}

extension StepMembers {
    /// Checks a `break` or `continue`: it takes no value and needs a loop around it.
    fileprivate mutating func mayLeaveLoop() -> Bool {
        let node = value()
        if !node.isNull { problems.report("'\(keyword)' takes no value", at: node.position) }
        guard surroundings.isInLoop else {
            let place = surroundings.isInFinally ? "out of a 'finally'" : "outside of a loop"
            problems.report("'\(keyword)' \(place)", at: position)
            return false
        }
        return true
    }
}
