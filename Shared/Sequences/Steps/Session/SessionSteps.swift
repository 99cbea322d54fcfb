import JSON

/// `sessionSet: {name: value, …}`: keeps values with the caller's session, until it ends.
///
/// In a login sequence it is the session that the login begins. Who calls without a session has nothing to keep them
/// with: the step fails with the code `no_session`.
struct SessionSetStep: StepAction {
    static let keyword = "sessionSet"

    let values: Template

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard case .mapping(let pairs) = node.content, !pairs.isEmpty else {
            members.problems.report(
                "'sessionSet' must be a mapping (name: value), found \(node.kind)",
                at: node.position
            )
            return nil
        }
        values = Template(node)
    }

    var scripts: [Script] { values.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let values = try await execution.evaluate(values, at: site, in: frame).objectValue ?? [:]
        _ = try await execution.effects.session(.set(values), at: execution.callSite(site, in: frame))
        return .next
    }
}

/// `sessionGet: name`, `as: value`: what the caller's session keeps under the name; null when it keeps nothing.
struct SessionGetStep: InputStep {
    static let keyword = "sessionGet"

    let input: Template
    let resultName: String

    var scripts: [Script] { input.scripts }
    var bindings: [String] { [resultName] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let name = try await execution.evaluate(input, at: site, in: frame).text(for: "'sessionGet'")
        let value = try await execution.effects.session(.get(name), at: execution.callSite(site, in: frame))
        try execution.check(value)
        frame.names[resultName] = value
        return .next
    }
}

/// `sessionRemove: name`, or a list of names: the caller's session keeps those no longer.
struct SessionRemoveStep: StepAction {
    static let keyword = "sessionRemove"

    let names: Template

    init?(reading members: inout StepMembers) {
        names = Template(members.value())
    }

    var scripts: [Script] { names.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(names, at: site, in: frame)
        var names: [String] = []
        for name in value.arrayValue ?? [value] { names.append(try name.text(for: "'sessionRemove'")) }
        _ = try await execution.effects.session(.remove(names), at: execution.callSite(site, in: frame))
        return .next
    }
}
