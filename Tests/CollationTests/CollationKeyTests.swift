import Collation
import CouchProtocol
import JSON
import TestSupport
import Testing

@Suite struct CollationKeyTests {
    /// The example of CouchDB's documentation, in the order in which it says that values sort
    /// (https://docs.couchdb.org/en/stable/ddocs/views/collation.html#collation-specification).
    private static let documented = [
        "null", "false", "true", "1", "2", "3.0", "4", #""a""#, #""A""#, #""aa""#, #""b""#, #""B""#, #""ba""#,
        #""bb""#, #"["a"]"#, #"["b"]"#, #"["b","c"]"#, #"["b","c","a"]"#, #"["b","d"]"#, #"["b","d","e"]"#,
        #"{"a":1}"#, #"{"a":2}"#, #"{"b":1}"#, #"{"b":2}"#, #"{"b":2,"a":1}"#, #"{"b":2,"c":2}"#,
    ]

    @Test func `the documentation's list is in order`() throws {
        let keys = try Self.documented.map { try CollationKey(Array($0.utf8)[...]) }
        for (lower, upper) in zip(keys, keys.dropFirst()) { #expect(lower < upper) }
    }

    @Test func `letters that a program writes`() throws {
        for (lower, upper) in [
            (#""""#, #"" ""#), (#""a""#, #""\u00e4""#), (#""\u00e4""#, #""b""#), (#""Z""#, #""\ufff0""#),
            (#""a b""#, #""ab""#), ("-1e300", "-1"), ("-1", "-0.5"), ("0.1", "1e-0"), ("1e400", #""""#),
            ("[]", "[null]"), ("[1]", "[1,null]"), ("[[]]", "[{}]"), ("{}", #"{"a":null}"#), (#"["z"]"#, "{}"),
        ] {
            let left = try CollationKey(Array(lower.utf8)[...])
            let right = try CollationKey(Array(upper.utf8)[...])
            #expect(left < right, "\(lower) \(upper)")
        }
        for (one, other) in [("1", "1.0"), ("0", "-0"), ("100", "1e2"), (#""é""#, #""e\u0301""#), ("[1, 2]", "[1,2]")] {
            let (left, right) = (Array(one.utf8)[...], Array(other.utf8)[...])
            #expect(try CollationKey(left) == CollationKey(right), "\(one) \(other)")
        }
    }

    @Test func `raw is Erlang's order`() throws {
        let values = ["1", "2.5", "false", "null", "true", "{}", #"{"a":1}"#, "[]", #"["a"]"#, #""""#, #""A""#, #""a""#]
        let keys = try values.map { try CollationKey(Array($0.utf8)[...], order: .raw) }
        for (lower, upper) in zip(keys, keys.dropFirst()) { #expect(lower < upper) }
    }

    @Test func `keys are in the order that a comparison of the values says`() throws {
        var random = SeededGenerator.announced()
        let values = (0..<400).map { _ in Self.value(&random, depth: 3) }
        let keys = try values.map { try CollationKey($0.bytes[...]) }
        for _ in 0..<20_000 {
            let (one, other) = (Int.random(in: 0..<400, using: &random), Int.random(in: 0..<400, using: &random))
            let expected = Model.compare(values[one], values[other])
            let found = keys[one] < keys[other] ? -1 : keys[one] == keys[other] ? 0 : 1
            #expect(found == expected, "\(values[one].text) \(values[other].text)")
        }
    }

    @Test func `no key is the beginning of another, and parts of arrays are found`() throws {
        var random = SeededGenerator.announced()
        for order in [CollationKey.Order.unicode, .raw] {
            for _ in 0..<500 {
                let parts = (0..<3).map { _ in Self.value(&random, depth: 2) }
                let whole = try CollationKey(JSONValue.array(parts).bytes[...], order: order).bytes
                for count in 0...3 {
                    let beginning = try CollationKey(JSONValue.array(Array(parts.prefix(count))).bytes[...], order: order)
                    let length = CollationKey.length(ofFirst: count, in: whole, order: order)
                    #expect(Array(whole.prefix(length)) == Array(beginning.bytes.dropLast()))
                    if count < 3 {
                        let text = JSONValue.array(parts).bytes
                        let prefix = try #require(
                            try CollationKey.prefix(ofFirst: count, in: text[...], order: order)
                        )
                        #expect(prefix.bytes == Array(whole.prefix(length)) && !prefix.isWhole)
                        #expect(
                            try JSONValue(parsing: text.prefix(prefix.textLength) + Array("]".utf8))
                                == .array(Array(parts.prefix(count)))
                        )
                        #expect(!whole.starts(with: beginning.bytes))
                    }
                }
                #expect(CollationKey.length(ofFirst: 4, in: whole, order: order) == whole.count)
            }
        }
    }

    @Test func `a key has a limit, and text that is no JSON has none`() {
        let long = JSONValue.string(String(repeating: "a", count: 1_000)).bytes
        #expect(throws: CollationKey.Failure.tooLong) { try CollationKey(long[...], limit: 100) }
        let deep = Array(String(repeating: "[", count: 600).utf8)
        #expect(throws: CollationKey.Failure.tooDeep) { try CollationKey(deep[...]) }
        for text in ["", "[1", "{\"a\"}", "\"a", "[1 2]", "1 2", "-", "nul"] {
            #expect(throws: CollationKey.Failure.malformed) { try CollationKey(Array(text.utf8)[...]) }
        }
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .number(JSONNumber(Int.random(in: -3...3, using: &random)))
        case 3: .number(JSONNumber(Double.random(in: -2...2, using: &random)))
        case 4: .string(text(&random))
        case 5: .string(text(&random) + text(&random))
        case 6: .number(JSONNumber(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) * 1e20))
        case 7:
            .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default:
            .object(
                JSONObject(
                    (0..<Int.random(in: 0..<3, using: &random)).map { _ in (text(&random), value(&random, depth: depth - 1)) }
                )
            )
        }
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let letters = ["a", "A", "b", "ä", "z", " ", "-", "é", "\"", "\\", "\n", "😀", "\u{FFF0}", "ß", "0", "\u{0}"]
        return (0..<Int.random(in: 0..<4, using: &random)).map { _ in letters.randomElement(using: &random) ?? "" }
            .joined()
    }

    /// CouchDB's rules, value by value (`couch_ejson_compare.erl`).
    private enum Model {
        static func compare(_ lhs: JSONValue, _ rhs: JSONValue) -> Int {
            switch (lhs, rhs) {
            case (.number(let left), .number(let right)): return sign(left.double, right.double)
            case (.string(let left), .string(let right)): return compare(left, right)
            case (.array(let left), .array(let right)):
                for (one, other) in zip(left, right) {
                    let result = compare(one, other)
                    if result != 0 { return result }
                }
                return sign(left.count, right.count)
            case (.object(let left), .object(let right)):
                for (one, other) in zip(left, right) {
                    let names = compare(one.0, other.0)
                    if names != 0 { return names }
                    let values = compare(one.1, other.1)
                    if values != 0 { return values }
                }
                return sign(left.count, right.count)
            default: return sign(rank(lhs), rank(rhs))
            }
        }

        private static func compare(_ lhs: String, _ rhs: String) -> Int {
            switch Collator.root.compare(lhs, rhs) {
            case .less: -1
            case .equal: 0
            case .greater: 1
            }
        }

        private static func sign<Value: Comparable>(_ lhs: Value, _ rhs: Value) -> Int {
            lhs < rhs ? -1 : lhs == rhs ? 0 : 1
        }

        private static func rank(_ value: JSONValue) -> Int {
            switch value {
            case .null: 0
            case .bool(let value): value ? 2 : 1
            case .number: 3
            case .string: 4
            case .array: 5
            case .object: 6
            }
        }
    }
}
