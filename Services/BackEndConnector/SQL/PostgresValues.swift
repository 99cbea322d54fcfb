import Foundation
import JSON
import Postgres

/// PostgreSQL's values, as it prints them, in the values that sequences know.
enum PostgresValues {
    /// The value of a type.
    ///
    /// Numbers stay exact, `json` is what it says, `bytea` is Base64, times are ISO 8601, lists of these are lists;
    /// any other type is the text that the server prints.
    static func value(of text: String?, type: PostgresType) -> JSONValue {
        guard let text else { return .null }
        if let element = elements[type.rawValue] {
            return list(text, of: PostgresType(rawValue: element)) ?? .string(text)
        }
        switch type.rawValue {
        case 16: return .bool(text == "t")
        case 20, 21, 23, 26, 700, 701, 1_700: return SQLAnswer.number(text)
        case 17: return .string(base64(ofHexadecimal: text) ?? text)
        case 114, 3_802: return (try? JSONValue(parsing: Array(text.utf8))) ?? .string(text)
        case 1_114, 1_184: return .string(time(text))
        default: return .string(text)
        }
    }

    /// The types of lists, and of what is in them.
    private static let elements: [UInt32: UInt32] = [
        199: 114, 1_000: 16, 1_001: 17, 1_005: 21, 1_007: 23, 1_009: 25, 1_014: 1_042, 1_015: 1_043, 1_016: 20,
        1_021: 700, 1_022: 701, 1_028: 26, 1_115: 1_114, 1_182: 1_082, 1_183: 1_083, 1_185: 1_184, 1_187: 1_186,
        1_231: 1_700, 2_951: 2_950, 3_807: 3_802,
    ]

    /// `2026-11-26 18:00:00.5+02` as `2026-11-26T18:00:00.5+02:00`, and UTC as `Z`; the infinities stay words.
    static func time(_ text: String) -> String {
        guard let space = text.firstIndex(of: " ") else { return text }
        var time = text[text.index(after: space)...]
        var suffix = ""
        // `BC` comes after the zone.
        if time.hasSuffix(" BC") {
            suffix = " BC"
            time = time.dropLast(3)
        }
        var zone = ""
        if let sign = time.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            zone = String(time[sign...])
            time = time[..<sign]
            if zone == "+00" { zone = "Z" } else if zone.count == 3 { zone += ":00" }
        }
        return "\(text[..<space])T\(time)\(zone)\(suffix)"
    }

    private static func base64(ofHexadecimal text: String) -> String? {
        guard text.hasPrefix("\\x") else { return nil }
        var bytes: [UInt8] = []
        var digits = text.utf8.dropFirst(2)
        while let high = digits.popFirst(), let low = digits.popFirst() {
            guard let byte = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        return SQLBytes.base64(bytes)
    }

    /// `{1,"a b",NULL,{2}}` as a list; nil when it is none (bounds are not standard).
    static func list(_ text: String, of element: PostgresType) -> JSONValue? {
        var rest = Substring(text)
        guard let value = list(&rest, of: element, depth: 0), rest.isEmpty else { return nil }
        return value
    }

    private static func list(_ rest: inout Substring, of element: PostgresType, depth: Int) -> JSONValue? {
        // PostgreSQL's own limit on dimensions.
        guard depth < 6, rest.popFirst() == "{" else { return nil }
        var values: [JSONValue] = []
        if rest.first == "}" {
            rest.removeFirst()
            return .array([])
        }
        while true {
            if rest.first == "{" {
                guard let inner = list(&rest, of: element, depth: depth + 1) else { return nil }
                values.append(inner)
            } else if rest.first == "\"" {
                guard let inner = quoted(&rest) else { return nil }
                values.append(value(of: inner, type: element))
            } else {
                let plain = rest.prefix { $0 != "," && $0 != "}" }
                rest = rest[plain.endIndex...]
                values.append(plain == "NULL" ? .null : value(of: String(plain), type: element))
            }
            switch rest.popFirst() {
            case ",": continue
            case "}": return .array(values)
            default: return nil
            }
        }
    }

    private static func quoted(_ rest: inout Substring) -> String? {
        rest.removeFirst()
        var text = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return text
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default: text.append(character)
            }
        }
        return nil
    }
}

/// Bytes as text.
enum SQLBytes {
    /// Base64 with padding.
    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
