import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import Mango

/// The stretch of an index that is read has every document that matches.
@Suite struct StretchTests {
    @Test(arguments: [
        (#"{"a":1,"b":2}"#, "[1,2]", "[1,2]"), (#"{"a":1,"b":{"$gt":2}}"#, "[1,2]", "[1]"),
        (#"{"a":{"$gt":1},"b":2}"#, "[1,2]", "[]"), (#"{"a":{"$lt":1},"b":{"$lte":2}}"#, "[]", "[1,2]"),
        (#"{"a":{"$gte":1,"$lt":5},"b":{"$exists":true}}"#, "[1]", "[5]"),
        (#"{"a":{"$beginsWith":"x"},"b":1}"#, #"["x",1]"#, "[\"x\u{FFFF}\",1]"),
        (#"{"a":{"$beginsWith":"เ"},"b":{"$ne":1}}"#, #"[""]"#, "[\"\u{FFFF}\"]"),
        (#"{"a":{"$ne":1},"b":2}"#, "[]", "[]"),
        (#"{"a":{"$eq":{"z":1,"b":2}},"b":2}"#, #"[{"b":2,"z":1},2]"#, #"[{"b":2,"z":1},2]"#),
    ])
    func `a stretch goes as far as the columns have ranges`(
        _ selector: String,
        _ start: String,
        _ end: String
    ) throws {
        let plan = try Sample.plan(#"{"selector":\#(selector)}"#, [try Sample.index("ab", #"["a","b"]"#)])
        #expect(plan.name == "ab")
        #expect(JSONValue.array(plan.stretch.start) == (try JSONValue(parsing: start)))
        #expect(JSONValue.array(plan.stretch.end) == (try JSONValue(parsing: end)))
    }

    @Test(arguments: [
        (#"{"_id":{"$gt":"a","$lt":"b"}}"#, "a", "b"), (#"{"_id":{"$gt":null}}"#, nil, nil),
        (#"{"_id":"a"}"#, "a", "a"), (#"{"_id":{"$lt":[]}}"#, nil, nil), ("{}", nil, nil),
        (#"{"_id":{"$beginsWith":"é"}}"#, "é", "é\u{10FFFF}\u{10FFFF}"),
    ])
    func `ids are bounds as far as they are texts`(_ selector: String, _ first: String?, _ last: String?) throws {
        let ids = try #require(try Sample.plan(#"{"selector":\#(selector)}"#, []).ids)
        #expect(ids.first == first && ids.last == last)
    }

    @Test(arguments: [#"{"_id":{"$lt":5}}"#, #"{"_id":{"$gt":{}}}"#, #"{"_id":5}"#, #"{"$or":[]}"#])
    func `no id is a number or an object`(_ selector: String) throws {
        #expect(try Sample.plan(#"{"selector":\#(selector)}"#, []).ids == nil)
    }

    @Test func `random selectors match nothing outside of the stretch, and nothing that an index lacks`() throws {
        var random = SeededGenerator(seed: 20_261_128)
        let fields = [["a"], ["b"], ["a", "b"], ["b", "a"], ["a", "_id"], ["_id", "a"]]
        let indexes = try fields.enumerated().map { place, names in
            try Sample.index("i\(place)", JSONValue.array(names.map(JSONValue.string)).text)
        }
        var (matched, narrow) = (0, 0)
        for _ in 0..<3_000 {
            let selector = RandomQuery.selector(2, &random)
            guard let parsed = try? Selector(parsing: selector), !parsed.isEmpty else { continue }
            let documents = (0..<8).map { _ in RandomQuery.document(&random) }
            for index in indexes {
                let request = JSONObject([("selector", selector), ("use_index", .string(index.design.text))])
                let plan = try FindPlanner(
                    try FindRequest(parsing: request),
                    indexes: [index],
                    collation: .codePoints
                )
                .plan()
                for document in documents where parsed.matches(document) && !plan.isEmpty {
                    matched += 1
                    guard plan.index?.index != nil else { continue }
                    let key = try #require(Self.key(of: document, index), "\(selector.text): \(document.text)")
                    #expect(Self.isIn(plan.stretch, key), "\(selector.text): \(document.text) \(plan.stretch)")
                    if !plan.stretch.start.isEmpty || !plan.stretch.end.isEmpty { narrow += 1 }
                }
                if plan.isEmpty, case .all(let nodes) = parsed.root, !nodes.isEmpty {
                    #expect(!documents.contains { parsed.matches($0) }, "\(selector.text)")
                }
            }
        }
        #expect(matched > 1_000 && narrow > 300, "\(matched) \(narrow)")
    }

    private static func key(of document: JSONValue, _ index: QueryIndex) -> [JSONValue]? {
        var key: [JSONValue] = []
        for column in index.columns {
            guard case .value(let value) = column.path.find(in: document) else { return nil }
            key.append(value)
        }
        return key
    }

    private static func isIn(_ stretch: FindPlan.Stretch, _ key: [JSONValue]) -> Bool {
        let order = JSONCollation.codePoints
        let behindStart = order.compare(.array(Array(key)), .array(stretch.start)) != .less
        let head = JSONValue.array(Array(key.prefix(stretch.end.count)))
        return behindStart && order.compare(head, .array(stretch.end)) != .greater
    }
}

/// Makes documents and selectors in which the same few fields and values come up again and again.
enum RandomQuery {
    static func document(_ random: inout SeededGenerator) -> JSONValue {
        var members: JSONObject = ["_id": .string(["x", "xy", "y", "Z"].randomElement(using: &random) ?? "")]
        for name in ["a", "b"] where Int.random(in: 0..<5, using: &random) > 0 { members[name] = value(1, &random) }
        return .object(members)
    }

    static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3: return .number(JSONNumber(Int.random(in: 0...3, using: &random)))
        case 4, 5: return .string(["", "x", "xy", "y"].randomElement(using: &random) ?? "")
        case 6: return .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth - 1, &random) })
        default: return ["b": value(0, &random), "a": value(0, &random)]
        }
    }

    static func selector(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 2), using: &random) {
        case 0, 1:
            let name = ["a", "b", "_id", "a.b"].randomElement(using: &random) ?? ""
            return .object(JSONObject([(name, condition(&random))]))
        case 2: return ["a": condition(&random), "b": condition(&random)]
        case 3: return ["$not": selector(depth - 1, &random)]
        case 4: return ["$and": list(depth - 1, &random)]
        default: return ["$or": list(depth - 1, &random)]
        }
    }

    private static func list(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        .array((0..<Int.random(in: 0...2, using: &random)).map { _ in selector(depth, &random) })
    }

    private static func condition(_ random: inout SeededGenerator) -> JSONValue {
        let operators = ["$lt", "$lte", "$eq", "$ne", "$gte", "$gt"]
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1, 2, 3:
            return .object(JSONObject([(operators.randomElement(using: &random) ?? "", value(1, &random))]))
        case 4: return ["$gte": value(0, &random), "$lte": value(0, &random)]
        case 5: return ["$exists": .bool(Bool.random(using: &random))]
        case 6: return ["$beginsWith": "x"]
        case 7: return ["$in": [value(1, &random), value(0, &random)]]
        default: return value(0, &random)
        }
    }
}
