import JSON

/// `set: {name: value, …}`: gives names their values.
///
/// All values are computed before any name is set.
struct SetStep: StepAction {
    static let keyword = "set"

    let values: Template
    let bindings: [String]

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard case .mapping(let pairs) = node.content, !pairs.isEmpty else {
            members.problems.report("'set' must be a mapping (name: value), found \(node.kind)", at: node.position)
            return nil
        }
        for pair in pairs where !Names.isVariable(pair.name) {
            members.problems.report(
                "'\(pair.name)' is no name that expressions can use (letters, digits, _ and $, no digit first)",
                at: pair.position
            )
        }
        values = Template(node)
        bindings = pairs.map(\.name)
    }

    var scripts: [Script] { values.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let values = try await execution.evaluate(values, at: site, in: frame)
        for (name, value) in values.objectValue ?? [:] { frame.names[name] = value }
        return .next
    }
}
