/// `if: expression`, `then: […]`, `else: […]`.
struct IfStep: StepAction {
    static let keyword = "if"

    let condition: Script
    let consequence: StepBlock
    let alternative: StepBlock?

    init?(reading members: inout StepMembers) {
        let condition = members.expression(Self.keyword, required: true)
        let consequence = members.block("then")
        alternative = members.block("else")
        if consequence == nil, alternative == nil { members.reportMissing("then", expected: "a list of steps") }
        guard let condition else { return nil }
        self.condition = condition
        self.consequence = consequence ?? StepBlock(label: "then", steps: [])
    }

    var blocks: [StepBlock] { [consequence] + (alternative.map { [$0] } ?? []) }
    var scripts: [Script] { [condition] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let isTrue = try await execution.evaluate(condition, at: site, in: frame).isTruthy
        guard let block = isTrue ? consequence : alternative else { return .next }
        return try await execution.run(block, at: site.path.block(block.label), in: &frame)
    }
}
