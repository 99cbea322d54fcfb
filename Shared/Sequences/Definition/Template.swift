package import JSON

/// A value of a sequence in which strings that begin with `=` are expressions, at any depth.
///
/// `\=text` is the literal text `=text`.
package indirect enum Template: Sendable, Hashable {
    case literal(JSONValue)
    case expression(Script)
    case list([Template])
    case object([Member])

    /// One member of an object template.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: Template
    }

    /// The template of a value in a project file.
    package init(_ node: SourceNode) {
        switch node.content {
        case .scalar(.string(let text)) where text.utf8.first == UInt8(ascii: "="):
            self = .expression(Script(.expression, String(text.dropFirst()), of: node))
        case .scalar(.string(let text)) where text.hasPrefix(#"\="#):
            self = .literal(.string(String(text.dropFirst())))
        case .scalar(let value):
            self = .literal(value)
        case .list(let nodes):
            let parts = nodes.map(Template.init)
            self = Self.literals(of: parts).map { .literal(.array($0)) } ?? .list(parts)
        case .mapping(let members):
            let parts = members.map { Member(name: $0.name, value: Template($0.node)) }
            if let values = Self.literals(of: parts.map(\.value)) {
                self = .literal(.object(JSONObject(zip(parts.map(\.name), values).map { ($0, $1) })))
            } else {
                self = .object(parts)
            }
        }
    }

    /// The expressions, in the order in which `filled` takes their results.
    package var scripts: [Script] {
        switch self {
        case .literal: []
        case .expression(let script): [script]
        case .list(let parts): parts.flatMap(\.scripts)
        case .object(let members): members.flatMap(\.value.scripts)
        }
    }

    /// The value with the expressions' results put in, taken from the front of `results`.
    package func filled(from results: inout ArraySlice<JSONValue>) -> JSONValue {
        switch self {
        case .literal(let value): return value
        case .expression: return results.popFirst() ?? .null
        case .list(let parts):
            return .array(parts.map { $0.filled(from: &results) })
        case .object(let members):
            return .object(JSONObject(members.map { ($0.name, $0.value.filled(from: &results)) }))
        }
    }

    /// The names of the members when the template is an object, known without evaluating anything.
    package var memberNames: [String]? {
        switch self {
        case .object(let members): members.map(\.name)
        case .literal(.object(let object)): object.names
        case .literal(.null): []
        default: nil
        }
    }

    private static func literals(of parts: [Template]) -> [JSONValue]? {
        var values: [JSONValue] = []
        for part in parts {
            guard case .literal(let value) = part else { return nil }
            values.append(value)
        }
        return values
    }
}
