import JSON

/// `return: value?`: ends the sequence.
///
/// Its answer is the value, or what `output` has built when none is given.
struct ReturnStep: StepAction {
    static let keyword = "return"

    let value: Template?

    init?(reading members: inout StepMembers) {
        let node = members.value()
        value = node.isNull ? nil : Template(node)
        if members.surroundings.isInParallel || members.surroundings.isInFinally {
            let place = members.surroundings.isInFinally ? "finally" : "parallel"
            members.problems.report("'return' inside of a '\(place)'", at: members.position)
        }
    }

    var scripts: [Script] { value?.scripts ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        if let value { frame.answer = try await execution.evaluate(value, at: site, in: frame) }
        return .leaveSequence
    }
}
