import JSON

/// `callSequence: name` or `project/name`, with the variables of `with`; `as` names its answer.
///
/// Who is authenticated passes to the called sequence, and back when it ends.
struct CallSequenceStep: StepAction {
    static let keyword = "callSequence"

    let target: SequenceReference
    let arguments: Template
    let resultName: String?
    let calls: [StepCall]

    init?(reading members: inout StepMembers) {
        let expected = "a sequence, or project/sequence"
        let call = members.call(StepCall.Target.sequence, SequenceReference.init, expected: expected)
        resultName = members.variable("as")
        guard let (target, call) = call else { return nil }
        self.target = target
        arguments = call.arguments
        calls = [call]
    }

    var scripts: [Script] { arguments.scripts }
    var bindings: [String] { resultName.map { [$0] } ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let variables = try await execution.arguments(arguments, at: site, in: frame)
        let project = target.project ?? frame.sequence.project
        guard let sequence = execution.library.sequence(target.sequence, inProject: project) else {
            throw SequenceFailure(code: .notFound, message: "there is no sequence '\(target)'")
        }
        let answer = try await execution.run(
            sequence,
            variables: variables,
            identity: frame.identity,
            at: site.path.calledSequence,
            depth: frame.depth + 1,
            deadline: min(frame.deadline, execution.effects.now.advanced(by: sequence.timeout)),
            branch: frame.branch
        )
        frame.identity = answer.identity
        if let resultName { frame.names[resultName] = answer.value }
        return .next
    }
}
