import JSON

/// `log: {level: info, message: …}`, or `log: …` with the message alone.
struct LogStep: StepAction {
    static let keyword = "log"

    let level: SequenceLogLevel
    let message: Template

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard case .mapping = node.content else {
            level = .info
            message = Template(node)
            return
        }
        guard var reader = SourceMembers(node, subject: "'log'", problems: members.problems) else { return nil }
        level = reader.choice("level", default: .info)
        let text = reader.take("message")
        reader.finish()
        guard let text else {
            reader.reportMissing("message", expected: "a text or an expression")
            return nil
        }
        message = Template(text.node)
    }

    var scripts: [Script] { message.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let message = try await execution.evaluate(message, at: site, in: frame)
        await execution.effects.log(level, message, at: execution.callSite(site, in: frame))
        return .next
    }
}
