import JSON

/// `fail: {code:, message:, details:}`: fails, with the author's own code.
///
/// A text alone is the message. `fail: =error` throws what a `catch` has caught, or any object with a `code`: with that
/// code, its `message` or else `reason`, and its `details`.
struct FailStep: StepAction {
    static let keyword = "fail"
    /// The code of a failure whose author gave none.
    static let defaultCode = "failed"

    let code: Template
    let message: Template
    let details: Template
    /// Whether the message is all that was written, so that it may be a whole failure.
    private let throwsWhole: Bool

    init?(reading members: inout StepMembers) {
        let node = members.value()
        if case .scalar = node.content {
            code = .literal(.string(Self.defaultCode))
            message = Template(node)
            details = .literal(.null)
            throwsWhole = true
            return
        }
        guard var reader = SourceMembers(node, subject: "'fail'", problems: members.problems) else { return nil }
        code = reader.take("code").map { Template($0.node) } ?? .literal(.string(Self.defaultCode))
        message = reader.take("message").map { Template($0.node) } ?? .literal("")
        details = reader.take("details").map { Template($0.node) } ?? .literal(.null)
        throwsWhole = false
        reader.finish()
    }

    var scripts: [Script] { code.scripts + message.scripts + details.scripts }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let values =
            try await execution.evaluate(.list([code, message, details]), at: site, in: frame).arrayValue ?? []
        func text(_ value: JSONValue) -> String { value.stringValue ?? (value.isNull ? "" : value.text) }
        guard values.count == 3 else { return .next }
        if let thrown = values[1].objectValue, let code = thrown["code"]?.stringValue, throwsWhole {
            throw SequenceFailure(
                code: SequenceFailure.Code(code),
                message: text(thrown["message"] ?? thrown["reason"] ?? .null),
                details: thrown["details"] ?? .null
            )
        }
        throw SequenceFailure(
            code: SequenceFailure.Code(text(values[0])),
            message: text(values[1]),
            details: values[2]
        )
    }
}
