package import JSON
package import Sequences

extension ProjectProblem {
    /// In parts, for programs.
    package var json: JSONValue {
        [
            "file": .string(file), "line": .number(JSONNumber(line)), "column": .number(JSONNumber(column)),
            "message": .string(message), "suggestion": suggestion.map(JSONValue.string) ?? .null,
        ]
    }
}
