import JSON

/// `js: |` code that may `return` a value, which `as` names.
struct JavaScriptStep: StepAction {
    static let keyword = "js"

    let script: Script
    let resultName: String?

    init?(reading members: inout StepMembers) {
        let node = members.value()
        resultName = members.variable("as")
        guard let source = node.string, !source.isEmpty else {
            members.problems.report("'js' needs JavaScript code, found \(node.kind)", at: node.position)
            return nil
        }
        script = Script(.body, source, of: node)
    }

    var scripts: [Script] { [script] }
    var bindings: [String] { resultName.map { [$0] } ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let result = try await execution.evaluate(script, at: site, in: frame)
        if let resultName { frame.names[resultName] = result }
        return .next
    }
}
