import JSON
import Sequences

/// A text in which `{name}` stands for a variable's value.
///
/// Braces around anything but a name are ordinary characters; `{{name}}` is the text `{name}`.
package struct PlaceholderText: Sendable, Hashable {
    /// A piece of the text.
    package enum Part: Sendable, Hashable {
        case literal(String)
        case variable(String)
    }

    package let parts: [Part]

    package init(_ text: String) {
        var parts: [Part] = []
        var literal = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "{") {
            literal += rest[..<start]
            rest = rest[start...]
            let isEscaped = rest.hasPrefix("{{")
            let inner = rest.dropFirst(isEscaped ? 2 : 1)
            let closing = isEscaped ? "}}" : "}"
            guard let end = inner.firstIndex(of: "}"), inner[end...].hasPrefix(closing),
                Names.isVariable(String(inner[..<end]))
            else {
                literal += "{"
                rest = rest.dropFirst()
                continue
            }
            let name = String(inner[..<end])
            rest = inner[end...].dropFirst(closing.count)
            if isEscaped {
                literal += "{\(name)}"
            } else {
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = ""
                parts.append(.variable(name))
            }
        }
        literal += rest
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// The variables that the text needs.
    package var variables: [String] {
        parts.compactMap { part in
            guard case .variable(let name) = part else { return nil }
            return name
        }
    }

    /// The variable when the text is one placeholder and nothing else.
    package var onlyVariable: String? {
        guard parts.count == 1, case .variable(let name) = parts[0] else { return nil }
        return name
    }

    /// The text with the values put in, each through `encoded`.
    ///
    /// Null is nothing; lists and objects are JSON.
    func filled(
        with variables: JSONObject,
        encoded: (String) throws(SequenceFailure) -> String = { $0 }
    ) throws(SequenceFailure) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .literal(let text): result += text
            case .variable(let name): result += try encoded((variables[name] ?? .null).plainText)
            }
        }
        return result
    }
}

extension JSONValue {
    /// The value as text within text: a string as it is, null as nothing, all else as JSON.
    var plainText: String {
        switch self {
        case .string(let text): text
        case .null: ""
        default: text
        }
    }
}
