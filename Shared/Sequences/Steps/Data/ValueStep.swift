import JSON

/// A step that makes one value of another, and names it by `as`.
///
/// What it makes follows from its input and, for dates, from the present moment: it does nothing to the world.
protocol ValueStep: StepAction {
    /// What is evaluated first.
    var input: Template { get }
    var resultName: String { get }

    /// The value that is named.
    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue
}

extension ValueStep {
    var scripts: [Script] { input.scripts }
    var bindings: [String] { [resultName] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(input, at: site, in: frame)
        let result = try result(of: value, at: site, of: execution)
        try execution.check(result)
        frame.names[resultName] = result
        return .next
    }
}

extension JSONValue {
    /// The text; anything else is a failure that names what must be one.
    func text(for subject: String) throws(SequenceFailure) -> String {
        guard let text = stringValue else {
            throw SequenceFailure(code: .invalidValue, message: "\(subject) needs a text, found \(typeName)")
        }
        return text
    }

    /// The elements; anything else is a failure that names what must be a list.
    func list(for subject: String) throws(SequenceFailure) -> [JSONValue] {
        guard let list = arrayValue else {
            throw SequenceFailure(code: .invalidValue, message: "\(subject) needs a list, found \(typeName)")
        }
        return list
    }
}
