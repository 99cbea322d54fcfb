import JSON

/// `switch: expression`, `cases: [{value: …, do: […]}]`, `default: […]`: runs the first case whose value is equal.
struct SwitchStep: StepAction {
    static let keyword = "switch"

    /// One of the cases.
    struct Case: Sendable {
        let value: Template
        let block: StepBlock
    }

    let subject: Script
    let cases: [Case]
    let otherwise: StepBlock?

    init?(reading members: inout StepMembers) {
        let subject = members.expression(Self.keyword, required: true)
        let nodes = members.list("cases")
        otherwise = members.block("default")
        if nodes == nil { members.reportMissing("cases", expected: "a list like [{value: open, do: […]}]") }
        let cases = (nodes ?? []).enumerated().compactMap { index, node in
            Self.readCase(node, number: index + 1, in: members)
        }
        guard let subject else { return nil }
        self.subject = subject
        self.cases = cases
    }

    private static func readCase(_ node: SourceNode, number: Int, in members: StepMembers) -> Case? {
        guard var reader = SourceMembers(node, subject: "a case of 'switch'", problems: members.problems) else {
            return nil
        }
        let value = reader.take("value")
        let steps = reader.take("do")
        reader.describe("do", as: .steps)
        reader.finish()
        guard let value else {
            reader.reportMissing("value", expected: "what the expression is compared with")
            return nil
        }
        guard let steps else {
            reader.reportMissing("do", expected: "a list of steps")
            return nil
        }
        return Case(value: Template(value.node), block: members.block(of: steps.node, label: "case\(number)"))
    }

    var blocks: [StepBlock] { cases.map(\.block) + (otherwise.map { [$0] } ?? []) }
    var scripts: [Script] { [subject] + cases.flatMap(\.value.scripts) }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let template = Template.list([.expression(subject)] + cases.map(\.value))
        let values = try await execution.evaluate(template, at: site, in: frame).arrayValue ?? []
        let match = zip(cases, values.dropFirst()).first { $0.1 == values.first }
        guard let block = match?.0.block ?? otherwise else { return .next }
        return try await execution.run(block, at: site.path.block(block.label), in: &frame)
    }
}
