import JSON

/// `setAuthenticatedUser: user`, `groups: […]`: authenticates a user; without `groups`, the directory says them.
struct SetAuthenticatedUserStep: StepAction {
    static let keyword = "setAuthenticatedUser"

    let user: Template
    let groups: Template?

    init?(reading members: inout StepMembers) {
        let node = members.value()
        user = Template(node)
        groups = members.template("groups")
        guard members.mayChangeIdentity() else { return nil }
        if case .literal(let value) = user, value.stringValue?.isEmpty ?? true {
            members.problems.report("'setAuthenticatedUser' needs a user's name or an expression", at: node.position)
            return nil
        }
    }

    var scripts: [Script] { user.scripts + (groups?.scripts ?? []) }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        try execution.checkIdentityMayChange(in: frame)
        let template = Template.list([user, groups ?? .literal(.null)])
        let values = try await execution.evaluate(template, at: site, in: frame).arrayValue ?? []
        guard let name = values.first?.stringValue, !name.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "'setAuthenticatedUser' needs a user's name")
        }
        let names = try Self.groups(values.last ?? .null)
        frame.identity = try await execution.effects.setAuthenticatedUser(
            name,
            groups: names,
            at: execution.callSite(site, in: frame)
        )
        return .next
    }

    /// The names of groups that a value says; nil when it says nothing.
    static func groups(_ value: JSONValue) throws(SequenceFailure) -> [String]? {
        if value.isNull { return nil }
        if let name = value.stringValue { return [name] }
        let names = value.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == value.arrayValue?.count, !names.contains("") else {
            throw SequenceFailure(code: .invalidValue, message: "'groups' needs a list of names")
        }
        return names
    }
}

extension StepMembers {
    /// Checks that a step which changes who is authenticated stands where it may.
    func mayChangeIdentity() -> Bool {
        guard surroundings.isInParallel else { return true }
        problems.report("'\(keyword)' inside of a 'parallel'", at: position)
        return false
    }
}

extension Execution {
    /// Refuses a change of identity in a branch of a `parallel`, where a called sequence may be running too.
    func checkIdentityMayChange(in frame: Frame) throws(SequenceFailure) {
        guard frame.branch == nil else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "who is authenticated cannot change inside of a 'parallel'"
            )
        }
    }
}
