import JSON

/// `groupsOf: user`, `as: name`: the groups that a user is in, in order.
struct GroupsOfStep: DirectoryStep {
    static let keyword = "groupsOf"
    let input: Template
    let resultName: String

    func query(_ subject: JSONValue) throws(SequenceFailure) -> DirectoryQuery {
        try .groupsOf(subject.name(for: "'groupsOf'"))
    }
}

/// `usersOf: group`, `as: name`: the users who are in a group, in order.
struct UsersOfStep: DirectoryStep {
    static let keyword = "usersOf"
    let input: Template
    let resultName: String

    func query(_ subject: JSONValue) throws(SequenceFailure) -> DirectoryQuery {
        try .usersOf(subject.name(for: "'usersOf'"))
    }
}

/// `listGroups: after`, `as: name`: the groups behind that one, or from the first, as `{"group": …, "users": count}`.
struct ListGroupsStep: DirectoryStep {
    static let keyword = "listGroups"
    let input: Template
    let resultName: String

    func query(_ subject: JSONValue) throws(SequenceFailure) -> DirectoryQuery {
        try .groups(after: subject.isNull ? nil : subject.name(for: "'listGroups'"))
    }
}

/// `listUsers: after`, `as: name`: the users behind that one, or from the first, who are in groups, as
/// `{"user": …, "groups": count}`.
struct ListUsersStep: DirectoryStep {
    static let keyword = "listUsers"
    let input: Template
    let resultName: String

    func query(_ subject: JSONValue) throws(SequenceFailure) -> DirectoryQuery {
        try .users(after: subject.isNull ? nil : subject.name(for: "'listUsers'"))
    }
}

/// A step that asks who is in which group.
protocol DirectoryStep: InputStep {
    /// Whom or which group it asks about.
    var input: Template { get }
    var resultName: String { get }
    func query(_ subject: JSONValue) throws(SequenceFailure) -> DirectoryQuery
}

extension DirectoryStep {
    var scripts: [Script] { input.scripts }
    var bindings: [String] { [resultName] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let subject = try await execution.evaluate(input, at: site, in: frame)
        let answer = try await execution.effects.ask(try query(subject), at: execution.callSite(site, in: frame))
        try execution.check(answer)
        frame.names[resultName] = answer
        return .next
    }
}
