/// `removeAuthenticatedUser:`: ends the authentication.
struct RemoveAuthenticatedUserStep: StepAction {
    static let keyword = "removeAuthenticatedUser"

    init?(reading members: inout StepMembers) {
        let node = members.value()
        if !node.isNull { members.problems.report("'\(Self.keyword)' takes no value", at: node.position) }
        guard members.mayChangeIdentity() else { return nil }
    }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        try execution.checkIdentityMayChange(in: frame)
        try await execution.effects.removeAuthenticatedUser(at: execution.callSite(site, in: frame))
        frame.identity = nil
        return .next
    }
}
