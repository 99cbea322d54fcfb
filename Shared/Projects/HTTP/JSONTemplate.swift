package import JSON
import Sequences

/// A JSON value in which strings may hold placeholders, at any depth.
///
/// A string that is one placeholder and nothing else becomes the variable's value, of whatever type; as an object's
/// member it is left out when the variable is absent or null.
package indirect enum JSONTemplate: Sendable, Hashable {
    case value(JSONValue)
    case text(PlaceholderText)
    case list([JSONTemplate])
    case object([Member])

    /// One member of an object.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: JSONTemplate
    }

    package init(_ json: JSONValue) {
        switch json {
        case .string(let text): self = .text(PlaceholderText(text))
        case .array(let values): self = .list(values.map(JSONTemplate.init))
        case .object(let object): self = .object(object.map { Member(name: $0.0, value: JSONTemplate($0.1)) })
        default: self = .value(json)
        }
    }

    /// The variables that the template needs.
    package var variables: [String] {
        switch self {
        case .value: []
        case .text(let text): text.variables
        case .list(let parts): parts.flatMap(\.variables)
        case .object(let members): members.flatMap(\.value.variables)
        }
    }

    /// The value with the variables put in.
    func filled(with variables: JSONObject) throws(SequenceFailure) -> JSONValue {
        switch self {
        case .value(let value): return value
        case .text(let text):
            if let name = text.onlyVariable { return variables[name] ?? .null }
            return .string(try text.filled(with: variables))
        case .list(let parts):
            var values: [JSONValue] = []
            for part in parts { values.append(try part.filled(with: variables)) }
            return .array(values)
        case .object(let members):
            var object = JSONObject()
            for member in members {
                let value = try member.value.filled(with: variables)
                if case .text(let text) = member.value, text.onlyVariable != nil, value.isNull { continue }
                object[member.name] = value
            }
            return .object(object)
        }
    }
}
