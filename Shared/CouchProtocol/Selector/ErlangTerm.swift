import JSON

/// A JSON value as Erlang prints it (`~w`): what stands in CouchDB's error texts about selectors.
enum ErlangTerm {
    /// More than this is not said.
    private static let lengthLimit = 500

    static func text(of value: JSONValue) -> String {
        var output = ""
        write(value, to: &output)
        return output.utf8.count <= lengthLimit ? output : String(output.prefix(lengthLimit)) + "..."
    }

    private static func write(_ value: JSONValue, to output: inout String) {
        guard output.utf8.count <= lengthLimit else { return }
        switch value {
        case .null, .bool, .number: output += value.text
        case .string(let text): output += binary(text)
        case .array(let elements):
            output += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { output += "," }
                write(element, to: &output)
            }
            output += "]"
        case .object(let members):
            output += "{["
            for (index, (name, member)) in members.enumerated() {
                if index > 0 { output += "," }
                output += "{\(binary(name)),"
                write(member, to: &output)
                output += "}"
            }
            output += "]}"
        }
    }

    private static func binary(_ text: String) -> String {
        "<<\(text.utf8.prefix(lengthLimit).map { String($0) }.joined(separator: ","))>>"
    }
}
