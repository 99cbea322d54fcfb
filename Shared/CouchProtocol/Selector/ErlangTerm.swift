package import JSON

/// A JSON value as Erlang prints it (`~w`, or `~p` for people): what stands in CouchDB's error texts about queries.
package enum ErlangTerm {
    /// More than this is not said.
    private static let lengthLimit = 500

    package static func text(of value: JSONValue, isForPeople: Bool = false) -> String {
        var output = ""
        write(value, isForPeople, to: &output)
        return output.utf8.count <= lengthLimit ? output : String(output.prefix(lengthLimit)) + "..."
    }

    private static func write(_ value: JSONValue, _ isForPeople: Bool, to output: inout String) {
        guard output.utf8.count <= lengthLimit else { return }
        switch value {
        case .null, .bool, .number: output += value.text
        case .string(let text): output += binary(text, isForPeople)
        case .array(let elements):
            output += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { output += "," }
                write(element, isForPeople, to: &output)
            }
            output += "]"
        case .object(let members):
            output += "{["
            for (index, (name, member)) in members.enumerated() {
                if index > 0 { output += "," }
                output += "{\(binary(name, isForPeople)),"
                write(member, isForPeople, to: &output)
                output += "}"
            }
            output += "]}"
        }
    }

    private static func binary(_ text: String, _ isForPeople: Bool) -> String {
        if isForPeople, !text.isEmpty, text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) {
            let escaped = text.prefix(lengthLimit).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return "<<\"\(escaped)\">>"
        }
        return "<<\(text.utf8.prefix(lengthLimit).map { String($0) }.joined(separator: ","))>>"
    }
}
