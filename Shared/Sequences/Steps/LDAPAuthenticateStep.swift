import JSON

/// `ldapAuthenticate: connector.transaction`, `with: {user: …, password: …}`, `user: name`, `groups: […]`, `as: entry`:
/// asks a directory, and authenticates the user when it takes the password.
///
/// The transaction is one of an LDAP connector that authenticates: it answers `authenticated`, `dn` and `attributes`,
/// which `user` and `groups` may use by the name of `as`. `user` is the variable `user` of the call unless it is said;
/// without `groups`, the built-in directory says them. When the directory takes no such password nobody is
/// authenticated, which is no failure; a directory that does not answer is one.
struct LDAPAuthenticateStep: StepAction {
    static let keyword = "ldapAuthenticate"
    static let defaultResultName = "entry"

    let reference: TransactionReference
    let arguments: Template
    let user: Template?
    let groups: Template?
    let resultName: String
    let calls: [StepCall]

    init?(reading members: inout StepMembers) {
        let call = members.transactionCall()
        user = members.template("user")
        groups = members.template("groups")
        resultName = members.variable("as", default: Self.defaultResultName) ?? Self.defaultResultName
        guard members.mayChangeIdentity(), let (reference, call) = call else { return nil }
        self.reference = reference
        arguments = call.arguments
        calls = [call]
    }

    var scripts: [Script] { [arguments, user, groups].compactMap { $0 }.flatMap(\.scripts) }
    var bindings: [String] { [resultName] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        try execution.checkIdentityMayChange(in: frame)
        let variables = try await execution.arguments(arguments, at: site, in: frame)
        let answer = try await execution.effects.callTransaction(
            reference,
            variables: variables,
            at: execution.callSite(site, in: frame)
        )
        try execution.check(answer)
        frame.names[resultName] = answer
        guard answer["authenticated"] == true else { return .next }
        let template = Template.list([user ?? .literal(variables["user"] ?? .null), groups ?? .literal(.null)])
        let values = try await execution.evaluate(template, at: site, in: frame).arrayValue ?? []
        guard let name = values.first?.stringValue, !name.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "'ldapAuthenticate' needs a user's name: say 'user'")
        }
        frame.identity = try await execution.effects.setAuthenticatedUser(
            name,
            groups: try SetAuthenticatedUserStep.groups(values.last ?? .null),
            at: execution.callSite(site, in: frame)
        )
        return .next
    }
}
