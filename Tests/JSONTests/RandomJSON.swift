import JSON
import TestSupport

/// Random JSON values and spellings of them.
struct RandomJSON {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// A value of at most that depth, its objects without duplicates.
    mutating func value(depth: Int = 4) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2, 3: return .number(number())
        case 4, 5: return .string(string())
        case 6: return .array((0..<count()).map { _ in value(depth: depth - 1) })
        default: return .object(JSONObject((0..<count()).map { _ in (string(), value(depth: depth - 1)) }))
        }
    }

    /// Numbers at the ends of what integers and doubles hold.
    private static let edges = [
        "-9223372036854775808", "-9223372036854775808e0", "-922337203685477580.8E1", "9223372036854775807",
        "9223372036854775808", "-9223372036854775809", "9007199254740993", "-9007199254740992", "1e308", "5e-324",
    ]

    mutating func number() -> JSONNumber {
        if Int.random(in: 0..<8, using: &generator) == 0 {
            return JSONNumber(validText: Self.edges[Int.random(in: 0..<Self.edges.count, using: &generator)])
        }
        var text = Bool.random(using: &generator) ? "-" : ""
        text += Bool.random(using: &generator) ? "0" : digits(first: 1)
        if Bool.random(using: &generator) { text += "." + digits(first: 0) }
        if Int.random(in: 0..<4, using: &generator) == 0 {
            text += ["e", "E"][Int.random(in: 0..<2, using: &generator)]
            text += ["", "+", "-"][Int.random(in: 0..<3, using: &generator)]
            text += String(Int.random(in: 0..<40, using: &generator))
        }
        return JSONNumber(validText: text)
    }

    mutating func string() -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "b", "z", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é",
            "e\u{301}".unicodeScalars.last ?? "x",
            "ß", "\u{2028}", "\u{FFFD}", "\u{FFFF}", "\u{10000}", "😀", "\u{10FFFF}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<20, using: &generator) {
            text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
        }
        return String(text)
    }

    /// The value as text in another spelling: white space, and some characters as escapes.
    mutating func spelling(of value: JSONValue) -> String {
        switch value {
        case .string(let text): return spelling(of: text)
        case .array(let values):
            return "[" + values.map { space() + spelling(of: $0) + space() }.joined(separator: ",") + "]"
        case .object(let members):
            let parts = members.map { space() + spelling(of: $0.0) + space() + ":" + space() + spelling(of: $0.1) }
            return "{" + parts.joined(separator: "," + space()) + space() + "}"
        default: return value.text
        }
    }

    private mutating func spelling(of text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar == "\"" || scalar == "\\" || scalar.value < 0x20
            guard mustEscape || Int.random(in: 0..<5, using: &generator) == 0 else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\""
    }

    private mutating func space() -> String {
        ["", "", " ", "\n", "\t", "\r\n  "][Int.random(in: 0..<6, using: &generator)]
    }

    private mutating func digits(first: Int) -> String {
        String(Int.random(in: first..<10, using: &generator))
            + (0..<Int.random(in: 0..<20, using: &generator))
            .map { _ in String(Int.random(in: 0..<10, using: &generator)) }.joined()
    }

    private mutating func count() -> Int { Int.random(in: 0..<6, using: &generator) }
}
