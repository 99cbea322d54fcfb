import JSON

/// `setUserInGroup: {user: …, group: …}`, `as: name`: the user is in the group from now on; gives `{"new": …}`.
struct SetUserInGroupStep: MembershipStep {
    static let keyword = "setUserInGroup"
    static let isMember = true
    static let answerName = "new"

    let membership: Template
    let resultName: String?
}

/// `removeUserFromGroup: {user: …, group: …}`, `as: name`: takes back what sequences have said; gives
/// `{"removed": …}`.
///
/// A membership that a login or an administrator says stays.
struct RemoveUserFromGroupStep: MembershipStep {
    static let keyword = "removeUserFromGroup"
    static let isMember = false
    static let answerName = "removed"

    let membership: Template
    let resultName: String?
}

/// A step that changes whether a user is in a group.
protocol MembershipStep: StepAction {
    /// Whether the user is in the group afterwards.
    static var isMember: Bool { get }
    /// The member of the answer that says whether the step has changed anything.
    static var answerName: String { get }
    /// The user and the group.
    var membership: Template { get }
    var resultName: String? { get }
    init(membership: Template, resultName: String?)
}

extension MembershipStep {
    init?(reading members: inout StepMembers) {
        guard let (membership, name) = members.membership() else { return nil }
        self.init(membership: membership, resultName: name)
    }

    var scripts: [Script] { membership.scripts }
    var hasEffect: Bool { true }
    var bindings: [String] { resultName.map { [$0] } ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let operands = try await execution.evaluate(membership, at: site, in: frame).arrayValue ?? []
        let isChanged = try await execution.effects.setMembership(
            of: try (operands.first ?? .null).name(for: "'user'"),
            in: try (operands.last ?? .null).name(for: "'group'"),
            to: Self.isMember,
            at: execution.callSite(site, in: frame)
        )
        if let resultName { frame.names[resultName] = [Self.answerName: .bool(isChanged)] }
        return .next
    }
}

extension StepMembers {
    /// The user and the group that a step names, and the name of its result.
    fileprivate mutating func membership() -> (Template, String?)? {
        let node = value()
        let name = variable("as")
        guard var reader = SourceMembers(node, subject: "'\(keyword)'", problems: problems) else { return nil }
        let user = reader.take("user")
        let group = reader.take("group")
        if user == nil { reader.reportMissing("user", expected: "whose membership is meant") }
        if group == nil { reader.reportMissing("group", expected: "the group") }
        reader.finish()
        guard let user, let group else { return nil }
        return (.list([Template(user.node), Template(group.node)]), name)
    }
}

extension JSONValue {
    /// The longest name of a user or of a group, in bytes.
    private static var nameLimit: Int { 255 }

    /// The name of a user or of a group; anything else is a failure that names what must be one.
    func name(for subject: String) throws(SequenceFailure) -> String {
        guard let name = stringValue, 1...Self.nameLimit ~= name.utf8.count, !name.utf8.contains(0) else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "\(subject) needs a name of 1 to \(Self.nameLimit) bytes"
            )
        }
        return name
    }
}
