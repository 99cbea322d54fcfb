import JSON

/// `sendMail: {to: …, subject: …, text: …}`, `by: connector`, `as: name`: sends a mail by a connector of type `smtp`.
///
/// The members are the variables of its transaction `send`: `to`, `cc`, `bcc`, `replyTo`, `from`, `subject`, `text`,
/// `html`, `attachments` and `headers`. The step ends when the server has taken the mail for everybody; when it does
/// not take all who shall get it, nobody does. A mail is not sent again when nobody knows whether the server has it.
struct SendMailStep: StepAction {
    static let keyword = "sendMail"
    /// The transaction that every connector of type `smtp` has.
    static let transaction = "send"

    let reference: TransactionReference
    let arguments: Template
    let resultName: String?
    let calls: [StepCall]

    init?(reading members: inout StepMembers) {
        let arguments = members.arguments(Self.keyword)
        let connector = members.text("by", required: "the connector, of type smtp")
        resultName = members.variable("as")
        guard let connector else { return nil }
        guard Names.isThing(connector) else {
            members.problems.report("'by' must name a connector", at: members.position(of: "by"))
            return nil
        }
        reference = TransactionReference(connector: connector, transaction: Self.transaction)
        self.arguments = arguments
        calls = [
            StepCall(
                target: .transaction(reference),
                arguments: arguments,
                position: members.position(of: "by"),
                argumentsPosition: members.position(of: Self.keyword)
            )
        ]
    }

    var scripts: [Script] { arguments.scripts }
    var bindings: [String] { resultName.map { [$0] } ?? [] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(arguments, at: site, in: frame)
        guard let variables = value.objectValue else {
            throw SequenceFailure(code: .invalidValue, message: "'sendMail' needs an object, found \(value.typeName)")
        }
        let answer = try await execution.effects.callTransaction(
            reference,
            variables: variables,
            at: execution.callSite(site, in: frame)
        )
        try execution.check(answer)
        if let resultName { frame.names[resultName] = answer }
        return .next
    }
}
