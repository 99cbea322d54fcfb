package import JSON

/// A variable that a sequence or a transaction takes.
package struct VariableDefinition: Sendable, Hashable {
    /// What values the variable may have; the names are JSON Schema's.
    package enum ValueType: String, Sendable, Hashable, CaseIterable {
        case string
        case number
        /// A number without a fraction.
        case integer
        case boolean
        case object
        case array
        case any

        /// Whether the value is of this type.
        package func accepts(_ value: JSONValue) -> Bool {
            switch (self, value) {
            case (.any, _), (.string, .string), (.number, .number), (.boolean, .bool), (.object, .object),
                (.array, .array):
                true
            case (.integer, .number(let number)): number.int != nil
            default: false
            }
        }
    }

    package let name: String
    package var description: String?
    package var type: ValueType
    /// Whether a call without a value is refused.
    package var isRequired: Bool
    /// The value when the call gives none.
    package var defaultValue: JSONValue?
    /// Whether the variable is a list of values of its type; a single value becomes a list of one.
    package var isMulti: Bool
    /// Whether the value may be stored or logged nowhere.
    package var isSecret: Bool
    package var position: SourcePosition?

    package init(
        name: String,
        description: String? = nil,
        type: ValueType = .any,
        isRequired: Bool = false,
        defaultValue: JSONValue? = nil,
        isMulti: Bool = false,
        isSecret: Bool = false,
        position: SourcePosition? = nil
    ) {
        self.name = name
        self.description = description
        self.type = type
        self.isRequired = isRequired
        self.defaultValue = defaultValue
        self.isMulti = isMulti
        self.isSecret = isSecret
        self.position = position
    }

    /// The value that the variable has when a call gives this one; nil and null both mean that it gives none.
    ///
    /// Throws a failure with the code `invalid_variable`, which says the type and never the value.
    package func bind(_ given: JSONValue?) throws(SequenceFailure) -> JSONValue {
        guard let given, !given.isNull else {
            if let defaultValue { return defaultValue }
            guard !isRequired else {
                throw SequenceFailure(code: .invalidVariable, message: "the variable '\(name)' is required")
            }
            return isMulti ? .array([]) : .null
        }
        guard isMulti else {
            try check(given, "")
            return given
        }
        guard case .array(let values) = given, type != .array || values.allSatisfy({ $0.arrayValue != nil }) else {
            try check(given, "")
            return .array([given])
        }
        for (index, value) in values.enumerated() { try check(value, " at index \(index)") }
        return given
    }

    private func check(_ value: JSONValue, _ place: String) throws(SequenceFailure) {
        guard type.accepts(value) else {
            let expected =
                type == .integer ? "an integer" : type == .array || type == .object ? "an \(type)" : "a \(type)"
            throw SequenceFailure(
                code: .invalidVariable,
                message: "the variable '\(name)' must be \(expected)\(place), found \(value.typeName)"
            )
        }
    }
}

extension [VariableDefinition] {
    /// What happens to values that no variable is declared for.
    package enum UnknownNames: Sendable {
        /// The call fails: its author misspelt something.
        case refused
        /// They are left out: the caller may say more than this project needs.
        case ignored
    }

    /// The value of every variable for a call with these values.
    ///
    /// Throws a failure with the code `invalid_variable`.
    package func bind(_ given: JSONObject, unknown: UnknownNames = .refused) throws(SequenceFailure) -> JSONObject {
        if unknown == .refused {
            for name in given.names where !contains(where: { $0.name == name }) {
                let hint = nearestName(to: name, among: map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
                throw SequenceFailure(code: .invalidVariable, message: "there is no variable '\(name)'\(hint)")
            }
        }
        var result = JSONObject()
        for variable in self { result[variable.name] = try variable.bind(given[variable.name]) }
        return result
    }
}
