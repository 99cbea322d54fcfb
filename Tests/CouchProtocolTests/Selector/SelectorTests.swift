import JSON
import Testing

@testable import CouchProtocol

/// What selectors match; most cases are those of CouchDB's own tests of `mango_selector`.
@Suite struct SelectorTests {
    private func matches(_ selector: JSONValue, _ document: JSONValue) throws -> Bool {
        try Selector(parsing: selector).matches(document)
    }

    /// A condition on `x`, the values that meet it, and those that do not.
    struct Case: Sendable, CustomTestStringConvertible {
        let condition: JSONValue
        let yes: [JSONValue]
        let no: [JSONValue]

        var testDescription: String { condition.text }
    }

    static let tree: JSONValue = ["a": ["b": ["c": 7]]]
    static let mixed: JSONValue = [42, false, "bar", [["nested"], "list"], ["b": 2]]

    @Test(arguments: [
        Case(condition: ["$lt": 5], yes: [4, -1, 4.999, nil, true], no: [5, 6, "", [], [:]]),
        Case(condition: ["$lt": "hello"], yes: ["held", 1, nil], no: ["hello", "help", []]),
        Case(condition: ["$lt": [1, 2, 3]], yes: [[1, 2, 2], [1, 2], "z"], no: [[1, 2, 3], [1, 2, 4], [1, 3]]),
        Case(condition: ["$lte": 5], yes: [4, 5, 5.0], no: [6]),
        Case(condition: ["$lte": [1, 2, 3]], yes: [[1, 2], [1, 2, 3]], no: [[1, 2, 4], [1, 3]]),
        Case(condition: ["$gt": 5], yes: [6, "5", [], [:]], no: [4, 5, nil, true]),
        Case(condition: ["$gt": [1, 2, 3]], yes: [[1, 2, 4], [1, 3]], no: [[1, 2, 2], [1, 2], [1, 2, 3]]),
        Case(condition: ["$gte": "hello"], yes: ["hello", "help"], no: ["held"]),
        Case(condition: ["$gte": nil], yes: [nil, 0, ""], no: []),
        Case(condition: ["$lte": nil], yes: [nil], no: [false, 0]),
        Case(condition: ["$eq": 5], yes: [5, 5.0], no: [6, "5"]),
        Case(
            condition: ["$eq": [1, [2, 3, 4], 5]],
            yes: [[1, [2, 3, 4], 5]],
            no: [[1, [2, 3, 4]], [1, [2, 7, 4], 5]]
        ),
        Case(condition: ["$eq": tree], yes: [tree], no: [["a": ["b": ["c": 8]]], ["a": ["b": ["d": 7]]]]),
        Case(condition: ["$eq": ["a": 1, "b": 2]], yes: [["b": 2, "a": 1]], no: [["a": 1]]),
        Case(condition: ["$ne": 5], yes: [6, nil], no: [5]),
        Case(condition: ["$in": []], yes: [], no: [0, true, "foo"]),
        Case(
            condition: ["$in": mixed],
            yes: [42, false, "bar", ["b": 2], [0, 42], [0, "bar"], [0, [["nested"], "list"]]],
            no: [43, true, "bars", ["b": 2, "c": 3], [["nested"], "list"]]
        ),
        Case(condition: ["$nin": []], yes: [0, true, "foo"], no: []),
        Case(condition: ["$nin": mixed], yes: [43, true, [["nested"], "list"]], no: [42, ["b": 2], [0, 42]]),
        Case(condition: ["$all": []], yes: [], no: [[], [42], [:], "foo"]),
        Case(condition: ["$all": [1, 2, 3, 4]], yes: [[3, 2, 4, 1], [0, 4, 3, 5, 2, 1, 6]], no: [[3, 2, 4], []]),
        Case(
            condition: ["$all": [[1, 2, 3, 4]]],
            yes: [[1, 2, 3, 4], [5, [1, 2, 3, 4], 6]],
            no: [[4, 3, 2, 1], [1, 3, 4], [], [5, [1, 3, 4], 6]]
        ),
        Case(condition: ["$all": ["hello"]], yes: [["hello"], [0, "hello", 1]], no: ["hello", []]),
        Case(condition: ["$all": [["a": 1]]], yes: [[["a": 1]]], no: [[["a": 1, "b": 2]]]),
        Case(condition: ["$type": "null"], yes: [nil], no: [false, [:]]),
        Case(condition: ["$type": "boolean"], yes: [true, false], no: [0]),
        Case(condition: ["$type": "number"], yes: [42, 3.14, 0], no: [true, [1], "1"]),
        Case(condition: ["$type": "string"], yes: ["", "hello"], no: [[]]),
        Case(condition: ["$type": "array"], yes: [[], [1, 2]], no: [[:], "hi"]),
        Case(condition: ["$type": "object"], yes: [[:], ["a": 1]], no: [[["a": 1]], nil]),
        Case(condition: ["$type": "nonsense"], yes: [], no: [nil, 1, "nonsense"]),
        Case(condition: ["$regex": "^[0-9a-f]+$"], yes: ["3a0df5e"], no: ["", "3a0gf5e", 42]),
        Case(condition: ["$beginsWith": "foo"], yes: ["foo", "food", "fool me once"], no: ["more food", "fo", 42]),
        Case(condition: ["$mod": [28, 1]], yes: [1, 29, 57], no: [58, "57", 29.5]),
        Case(condition: ["$mod": [3, -1]], yes: [-1, -4], no: [1, 2, -3]),
        Case(condition: ["$size": 3], yes: [[0, 0, 0]], no: [3, "fun", [0, 0], [0, 0, 0, 0]]),
        Case(condition: ["$size": 0], yes: [[]], no: [[:], ""]),
        Case(condition: ["$allMatch": ["$eq": 0]], yes: [[0]], no: [[], [1], [0, 1], 0]),
        Case(condition: ["$elemMatch": ["$ne": 0]], yes: [[1], [0, 1]], no: [[], [0], 1]),
        Case(condition: ["$elemMatch": ["$eq": 0]], yes: [[0], [0, 1]], no: [[], [1]]),
        Case(condition: ["$elemMatch": ["$gte": 80, "$lt": 85]], yes: [[70, 82]], no: [[79, 85]]),
        Case(condition: ["$elemMatch": ["$nor": [["$gt": 5], ["$lt": 3]]]], yes: [[9, 4]], no: [[9, 1]]),
        Case(
            condition: ["$elemMatch": ["foo": ["$gte": 1], "bam": true]],
            yes: [[["foo": 2, "bam": true]]],
            no: [[["foo": 1, "bar": 2]], [["foo": 1], ["bam": true]]]
        ),
        Case(
            condition: ["$keyMapMatch": ["$regex": "^[a-z]+$"]],
            yes: [["hello": 0], ["a": 1, "b4": 2]],
            no: [["b4": 2], [:], "a"]
        ),
        Case(condition: ["$exists": true], yes: [0, nil], no: []),
    ])
    func `an operator holds for these values, and its negation for the others`(_ one: Case) throws {
        let negation: JSONValue = ["x": ["$not": one.condition]]
        for value in one.yes {
            #expect(try matches(["x": one.condition], ["x": value]), "\(value)")
            #expect(try !matches(negation, ["x": value]), "\(value)")
        }
        for value in one.no {
            #expect(try !matches(["x": one.condition], ["x": value]), "\(value)")
            #expect(try matches(negation, ["x": value]), "\(value)")
        }
        // Whatever the operator, a field that is not there does not meet it, nor its negation.
        #expect(try !matches(["x": one.condition], [:]))
        if one.condition["$exists"] == nil { #expect(try !matches(negation, [:])) }
    }

    @Test(
        arguments: [
            ([:], [:], true), ([:], ["x": 1], true),
            // An empty object as a value is that value.
            (["x": [:]], ["x": [:]], true), (["x": [:]], ["x": ["a": 1]], false), (["x": [:]], [:], false),
            (["$not": ["x": [:]]], ["x": []], true), (["$not": ["x": [:]]], [:], false),
            (["x": ["a": 1, "b": 2]], ["x": ["b": 2, "a": 1, "c": 3]], true), (["x": ["a": 1]], ["x": 1], false),
            (["x.b": 2], ["x": ["b": 2]], true),
            (["x\\.b": 2], ["x.b": 2], true),
            (["x\\.b": 2], ["x": ["b": 2]], false),
            (["x": ["y\\.z.w": 1]], ["x": ["y.z": ["w": 1]]], true), (["x.1": "b"], ["x": ["a", "b"]], true),
            (["x.2": ["$exists": false]], ["x": ["a", "b"]], false), (["x.y": ["$exists": false]], ["x": 5], false),
            (["x.y": ["$exists": false]], ["x": [:]], true), (["x": ["$exists": false]], ["x": nil], false),
            (["x": ["$not": ["$exists": true, "$eq": 0]]], [:], true),
            (["x": ["$not": ["$exists": true, "$eq": 0]]], ["x": 0], false),
            (["x": ["$not": ["$eq": 0]]], [:], false), (["x": nil], [:], false), (["x": nil], ["x": nil], true),
            // Without conditions all of these match, even what is not there.
            (["x": ["$and": []]], [:], true), (["x": ["$or": []]], [:], true), (["x": ["$nor": []]], [:], true),
            (["x": ["$not": ["$and": []]]], [:], true), (["x": ["$not": ["$or": []]]], [:], true),
            (["x": ["$and": [["$gt": 3], ["$lt": 7]]]], ["x": 6], true),
            (["x": ["$not": ["$and": [["$gt": 3], ["$lt": 7]]]]], ["x": 9], true),
            (["x": ["$not": ["$and": [["$gt": 3], ["$lt": 7]]]]], [:], false),
            (["x": ["$or": [["$lt": 3], ["$gt": 7]]]], ["x": 9], true),
            (["x": ["$nor": [["$lt": 3], ["$gt": 7]]]], ["x": 6], true),
            (["x": ["$nor": [["$lt": 3], ["$gt": 7]]]], [:], false),
            (["$nor": [["x": 1], ["y": 2]]], ["x": 2, "y": 3], true),
            (["$nor": [["x": 1], ["y": 2]]], ["x": 2], false),
            (["user_id": 11], ["user_id": "11"], false), (["_id": ["$gt": nil]], ["_id": "a"], true),
        ] as [(JSONValue, JSONValue, Bool)]
    )
    func `conditions on documents`(selector: JSONValue, document: JSONValue, expected: Bool) throws {
        #expect(try matches(selector, document) == expected)
    }

    @Test(
        arguments: [
            (["x": ["$and": 1]], "bad_arg", "Bad argument for operator $and: 1"),
            (["$or": ["a": "b"]], "bad_arg", "Bad argument for operator $or: {[{<<97>>,<<98>>}]}"),
            (["x": ["$in": "ab"]], "bad_arg", "Bad argument for operator $in: <<97,98>>"),
            (["x": ["$not": [1, nil]]], "bad_arg", "Bad argument for operator $not: [1,null]"),
            (["x": ["$exists": 1]], "bad_arg", "Bad argument for operator $exists: 1"),
            (["x": ["$size": -1]], "bad_arg", "Bad argument for operator $size: -1"),
            (["x": ["$mod": [0, 1]]], "bad_arg", "Bad argument for operator $mod: [0,1]"),
            (["x": ["$mod": [1.5, 1]]], "bad_arg", "Bad argument for operator $mod: [1.5,1]"),
            (["x": ["$regex": "("]], "bad_arg", "Bad argument for operator $regex: <<40>>"),
            (["x": ["$beginsWith": 1]], "bad_arg", "Bad argument for operator $beginsWith: 1"),
            (["x": ["$elemMatch": []]], "bad_arg", "Bad argument for operator $elemMatch: []"),
            (["x": ["$where": "1"]], "not_supported", "Unsupported operator: $where"),
            (["x": ["$gtt": 1]], "invalid_operator", "Invalid operator: $gtt"),
            (["$gt": 1], "invalid_selector", "One or more conditions is missing a field name."),
            (["$not": ["$gt": 1]], "invalid_selector", "One or more conditions is missing a field name."),
            (["a..b": 1], "invalid_field_name", "Invalid field name: a..b"),
            (["": 1], "invalid_field_name", "Invalid field name: "),
            ([], "invalid_selector_json", "Selector must be a JSON object, not: []"),
        ] as [(JSONValue, String, String)]
    )
    func `what is no selector is told in CouchDB's words`(selector: JSONValue, error: String, reason: String) {
        #expect(throws: CouchError(status: 400, error: error, reason: reason)) { try Selector(parsing: selector) }
    }

    @Test func `all expressions together have so many steps`() throws {
        func selector(_ count: Int) -> JSONValue {
            ["a": ["$or": .array((0..<count).map { _ in ["$regex": "(x{1000}){4}"] })]]
        }
        #expect(throws: Never.self) { try Selector(parsing: selector(4)) }
        let error = #expect(throws: CouchError.self) { try Selector(parsing: selector(5)) }
        #expect(error?.error == "invalid_selector" && error?.reason.contains("20000 steps") == true)
        #expect(throws: CouchError.self) { try Selector(parsing: selector(4_990)) }
    }

    /// Conditions that look at many values each, on documents with many values: hours of work without a limit.
    @Test func `a document that is too much work does not match, whatever is asked`() throws {
        let zeros = JSONValue.array([JSONValue](repeating: 0, count: 2_000))
        let ones = JSONValue.array((1...2_000).map { .number(JSONNumber($0)) })
        let text = String(repeating: "x", count: 5_000)
        func any(_ count: Int, _ condition: JSONValue) -> JSONValue {
            ["$or": .array([JSONValue](repeating: condition, count: count))]
        }
        let cases: [(JSONValue, JSONValue)] = [
            (["$in": ones], zeros), (["$nin": ones], zeros), (["$all": ones], ones),
            (any(4_000, ["$eq": ones]), .array((ones.arrayValue ?? []).dropLast() + [0])),
            (["$elemMatch": any(1_000, ["$lt": 0])], zeros),
            (["$not": ["$elemMatch": ["$regex": "(x?){200}y"]]], [.string(text)]),
            (any(500, ["$regex": "x{30}y"]), .string(text)), (any(4_000, ["$gt": .string(text)]), .string(text)),
        ]
        let limit = 100_000
        for (condition, value) in cases {
            var work = 0
            let selector = try Selector(parsing: ["a": condition])
            let isMatch = selector.matches(["a": value], collation: .codePoints, work: &work, limit: limit)
            // It ends soon behind the limit.
            #expect(!isMatch && limit..<limit * 2 ~= work, "\(work) for \(condition.text.prefix(60))")
        }
    }

    @Test func `work is counted for who looks at many documents`() throws {
        var work = 0
        let selector = try Selector(parsing: ["a": ["$in": [1, 2, 3]]])
        #expect(selector.matches(["a": 3], collation: .codePoints, work: &work))
        #expect(1...20 ~= work)
        let once = work
        _ = selector.matches(["a": 3], collation: .codePoints, work: &work)
        #expect(work == once * 2)
    }

    @Test func `who looks at many documents stops when nobody waits any more`() async {
        let task = Task {
            var turns = WorkTurns()
            while true {
                turns.work += 1_000
                try await turns.next()
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `there are limits`() throws {
        var deep: JSONValue = 1
        for _ in 0..<60 { deep = ["$not": ["x": deep]] }
        let wide: JSONValue = ["$or": .array((0..<6_000).map { ["x": .number(JSONNumber($0))] })]
        let long: JSONValue = ["x": ["$regex": .string(String(repeating: "a", count: 3_000))]]
        for selector in [deep, wide, long] {
            #expect { try Selector(parsing: selector) } throws: { ($0 as? CouchError)?.status == 400 }
        }
    }

    @Test func `the order goes over the types, and numbers are compared to the last digit`() throws {
        let texts = [
            "null", "false", "true", "-1e400", "-2", "-1.5", "0", "1e-400", "1", "9007199254740992", "9007199254740993",
            "1e400", #""""#, #""A""#, #""a""#, #""é""#, "[]", "[null]", "[1]", "[1,2]", "[2]", "{}", #"{"a":1}"#,
            #"{"b":2,"a":1}"#, #"{"a":2}"#, #"{"b":0}"#,
        ]
        let values = try texts.map { try JSONValue(parsing: $0) }
        for (place, left) in values.enumerated() {
            for (otherPlace, right) in values.enumerated() {
                let expected: JSONCollation.Comparison =
                    place == otherPlace ? .equal : place < otherPlace ? .less : .greater
                #expect(JSONCollation.codePoints.compare(left, right) == expected, "\(left.text) \(right.text)")
            }
        }
    }

    @Test func `fields are taken out at their places`() throws {
        let document: JSONValue = ["_id": "a", "n": 1, "o": ["p": 2, "q": [3, 4]], "x.y": 5]
        let projection = try #require(try FieldProjection(parsing: ["_id", "o.p", "x\\.y", "none", "n.m"]))
        #expect(projection.apply(to: document) == ["_id": "a", "o": ["p": 2], "x.y": 5])
        #expect(try FieldProjection(parsing: []) == nil)
        for wrong: JSONValue in ["_id", [1], ["a..b"]] {
            #expect { try FieldProjection(parsing: wrong) } throws: { ($0 as? CouchError)?.status == 400 }
        }
    }
}
