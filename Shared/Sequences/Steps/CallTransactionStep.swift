import JSON

/// `callTransaction: connector.transaction`, with the variables of `with`; `as` names the answer.
struct CallTransactionStep: StepAction {
    static let keyword = "callTransaction"

    let target: TransactionReference
    let arguments: Template
    let resultName: String?
    let calls: [StepCall]

    init?(reading members: inout StepMembers) {
        let call = members.transactionCall()
        resultName = members.variable("as")
        guard let (target, call) = call else { return nil }
        self.target = target
        arguments = call.arguments
        calls = [call]
    }

    var scripts: [Script] { arguments.scripts }
    var bindings: [String] { resultName.map { [$0] } ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let variables = try await execution.arguments(arguments, at: site, in: frame)
        let callSite = execution.callSite(site, in: frame)
        let answer = try await execution.effects.callTransaction(target, variables: variables, at: callSite)
        try execution.check(answer)
        if let resultName { frame.names[resultName] = answer }
        return .next
    }
}

extension Execution {
    /// The variables that a call gives.
    func arguments(_ template: Template, at site: StepSite, in frame: Frame) async throws -> JSONObject {
        let value = try await evaluate(template, at: site, in: frame)
        guard let object = value.objectValue else {
            throw SequenceFailure(code: .invalidValue, message: "'with' needs an object, found \(value.typeName)")
        }
        return object
    }
}
