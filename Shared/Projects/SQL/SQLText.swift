package import JSON
import Sequences

/// A statement in which `{name}` stands for a bound parameter.
///
/// The values never become part of the text. Quotes and comments are read as the engine reads them, so that nothing
/// within them is taken for a placeholder.
package struct SQLText: Sendable, Hashable {
    /// A piece of the text.
    package enum Part: Sendable, Hashable {
        case literal(String)
        case variable(String)
    }

    /// How parameters are written.
    package enum Style: Sendable, Hashable {
        /// `$1`, `$2` …
        case numbered
        /// `?`
        case questionMarks
    }

    package let parts: [Part]
    /// The first word in capitals, which tells what the statement does.
    package let verb: String

    /// How many values a multi-valued variable may have.
    package static let maximumValues = 1_000

    /// The variables that the statement needs.
    package var variables: [String] {
        parts.compactMap { part in
            guard case .variable(let name) = part else { return nil }
            return name
        }
    }

    /// Whether the statement only reads, as far as its first word tells.
    package var isReading: Bool { ["SELECT", "VALUES", "TABLE", "SHOW", "DESCRIBE"].contains(verb) }

    /// Whether the statement reads or changes rows and nothing else, which a database does as a whole or not at all.
    var isAboutRows: Bool {
        ["SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"].contains(verb)
    }

    /// Whether the word stands anywhere in the statement, be it within quotes.
    func holds(_ word: String) -> Bool {
        parts.contains { part in
            guard case .literal(let text) = part else { return false }
            return text.uppercased().contains(word)
        }
    }

    init(parts: [Part], verb: String) {
        self.parts = parts
        self.verb = verb
    }

    /// The text and the values in the order of its parameters.
    ///
    /// A multi-valued variable becomes as many parameters as it has values, separated by commas; with none it is NULL,
    /// so that `IN ({ids})` is never true.
    func bound(
        to values: JSONObject,
        multiple: Set<String>,
        as style: Style
    ) throws(SequenceFailure) -> BoundSQL {
        var text = ""
        var parameters: [JSONValue] = []
        for part in parts {
            switch part {
            case .literal(let literal): text += literal
            case .variable(let name):
                let value = values[name] ?? .null
                let all = multiple.contains(name) ? value.arrayValue ?? [value] : [value]
                guard all.count <= Self.maximumValues else {
                    throw SequenceFailure(
                        code: .invalidValue,
                        message: "the variable '\(name)' has \(all.count) values, \(Self.maximumValues) are allowed"
                    )
                }
                guard !all.isEmpty else {
                    text += "NULL"
                    continue
                }
                for (index, value) in all.enumerated() {
                    parameters.append(value)
                    text += index == 0 ? "" : ", "
                    text += style == .numbered ? "$\(parameters.count)" : "?"
                }
            }
        }
        return BoundSQL(text: text, parameters: parameters)
    }
}

/// A statement and its parameters, as it goes to the database.
package struct BoundSQL: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let text: String
    package let parameters: [JSONValue]

    /// The text without the parameters.
    package var description: String { text }

    package var customMirror: Mirror { Mirror(self, children: ["text": text]) }
}
