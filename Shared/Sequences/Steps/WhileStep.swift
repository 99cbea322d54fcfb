/// `while: expression`, `key: expression`, `do: […]`, `max: 1000`: runs the steps as long as the expression is true.
///
/// What a turn did is known again by its number when the run is repeated, or by what `key` says at its beginning
/// (`TurnNaming`).
/// The steps work on the names around the loop, as those of `if` do. More than `max` turns are a failure, `limit`.
struct WhileStep: StepAction {
    static let keyword = "while"
    /// The turns that a loop may take when it does not say.
    static let defaultMaximum = 1_000

    let condition: Script
    /// What makes a turn the same at another attempt.
    let key: Script?
    let body: StepBlock
    let maximum: Int

    init?(reading members: inout StepMembers) {
        let condition = members.expression(Self.keyword, required: true)
        key = members.expression("key")
        let body = members.block("do") { $0.isInLoop = true }
        maximum = members.integer("max", in: 1...1_000_000, default: Self.defaultMaximum)
        if body == nil { members.reportMissing("do", expected: "a list of steps") }
        guard let condition else { return nil }
        self.condition = condition
        self.body = body ?? StepBlock(label: "do", steps: [])
    }

    var blocks: [StepBlock] { [body] }
    var scripts: [Script] { [condition, key].compactMap { $0 } }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        var turn = 1
        var names = TurnNames(execution.turnNaming)
        while try await execution.evaluate(condition, at: site, in: frame).isTruthy {
            try Task.checkCancellation()
            try execution.checkTurn(turn, limit: maximum)
            let subject = try await execution.evaluate(key, at: site, in: frame)
            let path = site.path.block("do", turn: turn, named: names.next(for: subject))
            switch try await execution.run(body, at: path, in: &frame) {
            case .leaveSequence: return .leaveSequence
            case .leaveLoop: return .next
            case .next, .nextTurn: turn += 1
            }
        }
        return .next
    }
}
