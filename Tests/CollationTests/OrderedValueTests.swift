import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import Collation

/// Selectors compare values, and indexes compare the keys of values: both must be one order.
@Suite struct OrderedValueTests {
    @Test func `keys of ordered values compare as selectors do`() throws {
        var random = SeededGenerator(seed: 20_261_127)
        var equal = 0
        for _ in 0..<20_000 {
            let (left, right) = (value(2, &random), value(2, &random))
            let keys = try [left, right].map { value in
                try CollationKey(JSONCollation.unicode.ordered(value).bytes[...])
            }
            let comparison = JSONCollation.unicode.compare(left, right)
            let expected: JSONCollation.Comparison = keys[0] == keys[1] ? .equal : keys[0] < keys[1] ? .less : .greater
            #expect(comparison == expected, "\(left.text) and \(right.text)")
            if comparison == .equal { equal += 1 }
        }
        #expect(equal > 200)
    }

    private func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3:
            let texts = ["0", "-1", "1", "1.0", "1e2", "2.5"]
            return .number(JSONNumber(validText: texts.randomElement(using: &random) ?? "0"))
        case 4, 5: return .string(text(&random))
        case 6: return .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth - 1, &random) })
        default:
            // Members in any order: it is no part of the value.
            let names = ["a", "B", "b", "é"].shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random))
            return .object(JSONObject(names.map { ($0, value(depth - 1, &random)) }))
        }
    }

    private func text(_ random: inout SeededGenerator) -> String {
        let texts = ["", "a", "A", "b", "ä", "a\u{308}", "aa", "Z", "z", "\u{FFFF}", "1", "_", "日"]
        return texts.randomElement(using: &random) ?? ""
    }
}
