import JSON
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: 1_000..<1_200)
    func `what is written comes back`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        let value = random.value()
        #expect(try JSONValue(parsing: value.text) == value, "seed \(seed)")
        #expect(try JSONValue(parsing: value.prettyText) == value, "seed \(seed)")
        #expect(try JSONValue(parsing: value.canonicalBytes) == value, "seed \(seed)")
        // Numbers and the order of members survive to the letter.
        #expect(try JSONValue(parsing: value.text).text == value.text, "seed \(seed)")
    }

    @Test func `equality is that of JSON and not that of the text`() throws {
        #expect(try JSONValue(parsing: #"{"a":1.0,"b":[]}"#) == JSONValue(parsing: #"{"b":[],"a":10e-1}"#))
        #expect(try JSONValue(parsing: "[1,2]") != JSONValue(parsing: "[2,1]"))
        #expect(JSONValue.string("\u{E9}") != JSONValue.string("e\u{301}"))
        #expect(JSONValue.bool(false) != JSONValue.null)
        #expect(JSONValue.string("1") != JSONValue.number(JSONNumber(1)))
    }

    @Test(arguments: [
        ("1", "1.0", true), ("100", "1e2", true), ("-0", "0", true), ("0e5", "0.00", true), ("1e400", "10e399", true),
        ("9007199254740993", "9007199254740992", false), ("1e400", "1e401", false), ("0.1", "0.10", true),
        ("0.1", "0.1000000000000000055511151231257827", false), ("-1", "1", false),
        ("9007199254740993.25", "9007199254740993.5", false), ("12e-1", "1.2", true),
        ("1e99999999999999999999", "1e99999999999999999999", true),
    ])
    func `numbers are compared exactly`(left: String, right: String, areEqual: Bool) {
        let numbers = (JSONNumber(validText: left), JSONNumber(validText: right))
        #expect((numbers.0 == numbers.1) == areEqual)
        if areEqual { #expect(numbers.0.hashValue == numbers.1.hashValue) }
    }

    @Test(
        arguments: [
            ("1", 1), ("1.0", 1), ("1e3", 1_000), ("-0", 0), ("9007199254740993.0", 9_007_199_254_740_993),
            ("1.5", nil),
            ("9223372036854775808", nil), ("-9223372036854775808", .min), ("1e400", nil), ("1e-1", nil),
            ("1200e-2", 12),
        ] as [(String, Int?)]
    )
    func `a whole number is an integer however it is written`(text: String, value: Int?) {
        #expect(JSONNumber(validText: text).int == value)
    }

    @Test(
        arguments: [
            (-0x1p63, "-9.223372036854776e+18"), (0x1p63, "9.223372036854776e+18"), (-0x1p53, "-9007199254740992.0"),
            (0x1p53 - 1, "9007199254740991"), (1 - 0x1p53, "-9007199254740991"), (-0.0, "0"), (0.5, "0.5"),
            (-.infinity, "0"), (.nan, "0"),
        ] as [(Double, String)]
    )
    func `every double has a number`(double: Double, text: String) {
        #expect(JSONNumber(double).text == text)
    }

    @Test(arguments: [
        (#"{ "b" : 1.50, "a" : [ 1e2, -0.0, 1E-7 ] }"#, #"{"a":[100,0,1e-7],"b":15e-1}"#),
        (#"{"é":1,"e":2,"":3}"#, #"{"":3,"e":2,"é":1}"#), ("1e21", "1e21"), ("1e20", "100000000000000000000"),
        (#""\u00e9\/\u0001""#, #""é/\u0001""#), ("12345678901234567890123", "12345678901234567890123e0"),
    ])
    func `the canonical form is one text a value`(text: String, canonical: String) throws {
        #expect(String(decoding: try JSONValue(parsing: text).canonicalBytes, as: UTF8.self) == canonical)
    }

    @Test(arguments: 2_000..<2_100)
    func `equal values have equal canonical bytes and hashes`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        let value = random.value()
        var shuffled = value
        if case .object(let members) = value {
            shuffled = .object(JSONObject(Array(members).shuffled(using: &random.generator)))
        }
        let again = try JSONValue(parsing: random.spelling(of: shuffled))
        #expect(again.canonicalBytes == value.canonicalBytes, "seed \(seed)")
        #expect(again.hashValue == value.hashValue, "seed \(seed)")
    }

    @Test func `the pretty form has a line for each part`() throws {
        let value = try JSONValue(parsing: #"{"a":[1,{"b":null}],"c":{},"d":[]}"#)
        let expected = """
            {
              "a": [
                1,
                {
                  "b": null
                }
              ],
              "c": {},
              "d": []
            }
            """
        #expect(value.prettyText == expected)
    }

    @Test func `objects keep the order in which members came`() {
        var object: JSONObject = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        object["a"] = nil
        #expect(object.names == ["b", "c"])
        #expect(JSONValue.object(object).text == #"{"b":4,"c":3}"#)
        #expect(object.merging(["c": 5, "d": 6]) == ["b": 4, "c": 5, "d": 6])
    }
}
