import JSON

/// `output: {name: value, …}`: puts members into the answer; a later member takes the place of an earlier one.
struct OutputStep: StepAction {
    static let keyword = "output"

    let values: Template

    init?(reading members: inout StepMembers) {
        let node = members.value()
        values = Template(node)
        switch values {
        case .object, .expression, .literal(.object): break
        default:
            members.problems.report(
                "'output' must be a mapping (name: value) or an expression, found \(node.kind)",
                at: node.position
            )
            return nil
        }
    }

    var scripts: [Script] { values.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(values, at: site, in: frame)
        guard let object = value.objectValue else {
            throw SequenceFailure(code: .invalidValue, message: "'output' needs an object, found \(value.typeName)")
        }
        guard
            let size = value.size(
                atMost: execution.limits.outputSize - frame.outputSize,
                depth: execution.limits.valueDepth
            )
        else {
            throw SequenceFailure(code: .limit, message: "an answer of more than \(execution.limits.outputSize) bytes")
        }
        frame.outputSize += size
        for (name, value) in object { frame.output[name] = value }
        return .next
    }
}
