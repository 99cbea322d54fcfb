import JSON

/// `sleep: 500ms`: waits; an expression may give the duration as text or as a number of milliseconds.
struct SleepStep: StepAction {
    static let keyword = "sleep"

    let duration: Template

    init?(reading members: inout StepMembers) {
        let node = members.value()
        duration = Template(node)
        if case .literal(let value) = duration, Self.duration(of: value) == nil {
            members.problems.report("'sleep' must be a duration like 500ms, 10s or 5m", at: node.position)
            return nil
        }
    }

    var scripts: [Script] { duration.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(duration, at: site, in: frame)
        guard let duration = Self.duration(of: value) else {
            throw SequenceFailure(code: .invalidValue, message: "'sleep' needs a duration like 500ms, 10s or 5m")
        }
        guard duration <= execution.limits.sleep else {
            throw SequenceFailure(
                code: .limit,
                message: "a sleep of more than \(execution.limits.sleep.projectText)"
            )
        }
        let left = execution.effects.now.duration(to: frame.deadline)
        try await execution.effects.sleep(for: min(duration, left), at: execution.callSite(site, in: frame))
        guard duration <= left else { throw Execution.timeOver }
        return .next
    }

    private static func duration(of value: JSONValue) -> Duration? {
        if let text = value.stringValue { return Duration(projectText: text) }
        guard let milliseconds = value.doubleValue, milliseconds >= 0, milliseconds < 1e12 else { return nil }
        return .milliseconds(Int64(milliseconds))
    }
}
