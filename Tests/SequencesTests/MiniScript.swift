import JSON
import Sequences

/// A few expressions, enough to drive the interpreter without a JavaScript engine.
///
/// JSON literals, paths (`order.status`), `!x`, and one of `+ - < == && ||` between operands, from left to right.
/// `throw` fails, as a script that throws does.
enum MiniScript {
    static func evaluate(_ script: Script, scope: JSONObject) throws -> JSONValue {
        var source = script.source[...]
        if script.form == .body {
            guard source.hasPrefix("return ") else { return .null }
            source = source.dropFirst(7)
        }
        guard !source.hasPrefix("throw") else {
            throw SequenceFailure(code: .script, message: "thrown")
        }
        let words = source.split(separator: " ")
        guard let first = words.first else { throw SequenceFailure(code: .script, message: "empty") }
        var result = try operand(first, scope)
        for index in stride(from: 1, to: words.count - 1, by: 2) {
            result = try apply(words[index], result, try operand(words[index + 1], scope))
        }
        return result
    }

    private static func operand(_ text: Substring, _ scope: JSONObject) throws -> JSONValue {
        if text.hasPrefix("!") { return .bool(!isTrue(try operand(text.dropFirst(), scope))) }
        if let value = try? JSONValue(parsing: String(text)) { return value }
        let path = text.split(separator: ".").map(String.init)
        guard let root = scope[path[0]] else {
            throw SequenceFailure(code: .script, message: "\(path[0]) is not defined")
        }
        return path.dropFirst().reduce(root) { $0[$1] ?? .null }
    }

    private static func apply(_ operation: Substring, _ lhs: JSONValue, _ rhs: JSONValue) throws -> JSONValue {
        switch operation {
        case "+":
            if let left = lhs.intValue, let right = rhs.intValue { return .number(JSONNumber(left + right)) }
            return .string((lhs.stringValue ?? lhs.text) + (rhs.stringValue ?? rhs.text))
        case "-": return .number(JSONNumber((lhs.intValue ?? 0) - (rhs.intValue ?? 0)))
        case "<": return .bool((lhs.intValue ?? 0) < (rhs.intValue ?? 0))
        case "==": return .bool(lhs == rhs)
        case "&&": return isTrue(lhs) ? rhs : lhs
        case "||": return isTrue(lhs) ? lhs : rhs
        default: throw SequenceFailure(code: .script, message: "unknown operation \(operation)")
        }
    }

    static func isTrue(_ value: JSONValue) -> Bool {
        switch value {
        case .null, false, "": false
        case .number(let number): number.double != 0
        default: true
        }
    }
}
