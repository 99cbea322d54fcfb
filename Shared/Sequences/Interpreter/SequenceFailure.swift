package import JSON

/// Why a sequence, or a step of it, failed; what `catch` receives.
package struct SequenceFailure: Error, Sendable, Hashable {
    /// A short name that programs can compare: one of the constants below, a connector's, or an author's own.
    package struct Code: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
        package let description: String

        package init(_ text: String) { description = text }
        package init(stringLiteral value: String) { description = value }

        /// A variable is missing, misspelt or of another type.
        package static let invalidVariable: Code = "invalid_variable"
        /// A step got a value that it cannot work with.
        package static let invalidValue: Code = "invalid_value"
        /// The sequence needs an authenticated user and there is none.
        package static let unauthenticated: Code = "unauthenticated"
        /// JavaScript threw, or was stopped.
        package static let script: Code = "script"
        /// A connector, transaction or sequence does not exist.
        package static let notFound: Code = "not_found"
        /// The sequence's time is over.
        package static let timeout: Code = "timeout"
        /// One of the interpreter's limits is reached.
        package static let limit: Code = "limit"
        /// An HTTP back end answered with a status that the transaction does not accept.
        package static let httpStatus: Code = "http_status"
    }

    /// Where a failure happened.
    package struct Location: Sendable, Hashable {
        /// The sequence, as `project/sequence`.
        package let sequence: String
        package let path: CallPath
        package let position: SourcePosition

        package init(sequence: String, path: CallPath, position: SourcePosition) {
            self.sequence = sequence
            self.path = path
            self.position = position
        }
    }

    package var code: Code
    package var message: String
    package var details: JSONValue
    /// The innermost step that failed; nil before a step has begun.
    package var location: Location?

    package init(code: Code, message: String, details: JSONValue = .null, location: Location? = nil) {
        self.code = code
        self.message = message
        self.details = details
        self.location = location
    }

    /// The failure as `catch` and callers see it: `code`, `message`, `details`, `sequence`, `step` and `line`.
    package var json: JSONValue {
        var object: JSONObject = ["code": .string(code.description), "message": .string(message), "details": details]
        if let location {
            object["sequence"] = .string(location.sequence)
            object["step"] = .string(location.path.description)
            object["file"] = .string(location.position.file)
            object["line"] = .number(JSONNumber(location.position.line))
        }
        return .object(object)
    }

    /// This failure, with its place filled in unless a step further in has done so.
    func located(at location: Location) -> SequenceFailure {
        guard self.location == nil else { return self }
        var result = self
        result.location = location
        return result
    }
}

extension SequenceFailure: CustomStringConvertible {
    package var description: String {
        guard let location else { return "\(code): \(message)" }
        return "\(code): \(message) (\(location.sequence), step \(location.path), \(location.position))"
    }
}
