import JSON
import Testing

/// What is JSON and what is not, asked of the parser and of the scanner alike.
@Suite struct JSONGrammarTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1", "-1", "10", "0.5", "-0.0", "1e5", "1E5", "1e+5", "1e-5", "1.5e0005",
        "123456789012345678901234567890", "\"\"", "\"a\"", "[]", "{}", " [ ] ", "\t{\n}\r", "[1]", "[1,2]", "[[[]]]",
        #"{"a":1}"#, #"{"a":{"b":[null]}}"#, #"{"":""}"#, #"{"a":1,"a":2}"#, #""\"\\\/\b\f\n\r\t""#, #""\u0000""#,
        #""\u00e9\uD83D\uDE00""#, #""\ud800""#, #""\udc00x""#, #""\ud800\u0041""#, #""\ud800\ud800\udc00""#,
        "\"é😀\u{FFFF}\u{10FFFF}\u{7F}\"", "\"\u{2028}\"", #"[1,[2,{"x":[]},{}],"y"]"#,
    ])
    func `valid text is taken`(text: String) throws {
        let value = try JSONValue(parsing: text)
        let scan = try JSONScan(Array(text.utf8))
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(try JSONValue(parsing: Array(text.utf8), in: scan.range) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "tru", "fals", "+1", "01", "-", "-a", "1.", ".5", "1.e5", "1e", "1e+", "1e5.5",
        "0x10", "NaN", "Infinity", "-Infinity", "1 2", "1,", "\"", "\"a", "'a'", "a", #""\"#, #""\x""#, #""\u""#,
        #""\u12""#, #""\u12g4""#, #""\u 123""#, #""\u+123""#, "\"\u{0}\"", "\"\n\"", "\"\u{1F}\"", "[", "]", "[1",
        "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1}", "{", "}", "{]", "{1:2}", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#,
        #"{"a":1,}"#, #"{,"a":1}"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{"a":1,,"b":2}"#, #"{a:1}"#, "[]]", "{}}",
        "[1]x", "// comment\n1", "[1] /* */", "\u{FEFF}1", #"{"a":1]"#, "[\"a\":1]", "\u{A0}1", "\u{C}1",
    ])
    func `invalid text is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(throws: JSONError.self) { try JSONScan(Array(text.utf8)) }
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]]
    )
    func `bytes that are not UTF-8 are refused in a string`(bytes: [UInt8]) {
        for padding in 0...8 {
            let text = [0x22] + [UInt8](repeating: 0x61, count: padding) + bytes + [0x22]
            #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(throws: JSONError.self) { try JSONScan(text) }
        }
    }

    @Test func `a special character is noticed at every distance`() throws {
        for length in 0...40 {
            for (special, decoded) in [("\\n", "\n"), ("é", "é"), ("\\\"", "\"")] {
                let plain = String(repeating: "x", count: length)
                let value = try JSONValue(parsing: "\"\(plain)\(special)\(plain)\"")
                #expect(value == .string(plain + decoded + plain))
            }
            #expect(throws: JSONError.self) {
                try JSONScan(Array(("\"" + String(repeating: "x", count: length) + "\u{1}\"").utf8))
            }
        }
    }

    @Test func `an error says where`() {
        #expect(throws: JSONError(reason: "a number may not begin with 0", offset: 9)) {
            try JSONValue(parsing: #"{"a": 012}"#)
        }
        #expect(throws: JSONError(reason: "unexpected text after the value", offset: 3)) {
            try JSONScan(Array("[] 1".utf8))
        }
    }

    @Test func `nesting stops at the limit`() throws {
        var limits = JSONLimits()
        limits.depth = 3
        #expect(try JSONScan(Array("[[[1]]]".utf8), limits: limits).depth == 3)
        #expect(try JSONValue(parsing: "[[[1]]]", limits: limits) == [[[1]]])
        #expect(throws: JSONError(reason: "nested deeper than 3", offset: 3)) {
            try JSONValue(parsing: "[[[[]]]]", limits: limits)
        }
        #expect(throws: JSONError(reason: "nested deeper than 3", offset: 3)) {
            try JSONScan(Array("[[[[]]]]".utf8), limits: limits)
        }
    }

    @Test func `a text of a hundred thousand brackets is an error and no crash`() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        var limits = JSONLimits()
        limits.depth = .max
        #expect(limits.depth == JSONLimits.deepest)
        #expect(throws: JSONError.self) { try JSONValue(parsing: text, limits: limits) }
        #expect(throws: JSONError.self) { try JSONScan(text, limits: limits) }
    }

    @Test func `numbers stop at the limit`() throws {
        var limits = JSONLimits()
        limits.numberLength = 5
        #expect(try JSONValue(parsing: "12345", limits: limits) == 12345)
        #expect(throws: JSONError.self) { try JSONValue(parsing: "123456", limits: limits) }
        #expect(throws: JSONError.self) { try JSONScan(Array("1.2345".utf8), limits: limits) }
    }

    @Test func `values stop at the limit, those within others counted`() throws {
        var limits = JSONLimits()
        limits.values = 5
        let error = JSONError(reason: "more than 5 values", offset: 9)
        #expect(try JSONValue(parsing: "[0,[0],0]", limits: limits) == [0, [0], 0])
        #expect(throws: error) { try JSONValue(parsing: "[0,[0],0,0]", limits: limits) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"":[0,0],"a":{}, "b":0}"#, limits: limits) }
        #expect(try JSONValue(parsing: "[0,[0],0,0]", limits: .unlimited).arrayValue?.count == 4)
        // A scan builds no values, and counts them.
        #expect(try JSONScan(Array(#"{"a":[0,{"b":0}],"c":"x"}"#.utf8)).count == 6)
        #expect(try JSONScan(Array("[[0,0,0,0,0,0]]".utf8), limits: limits).elements.count == 1)
        #expect(throws: JSONError.self) { try JSONScan(Array("[0,0,0,0,0,0]".utf8), limits: limits) }
        let names = #"{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0}"#
        #expect(throws: JSONError.self) { try JSONScan(Array(names.utf8), limits: limits) }
        #expect(throws: JSONError.self) { try JSONScan(Array("[\(names)]".utf8), limits: limits) }
    }

    @Test func `duplicate members are refused when that is asked for`() throws {
        var limits = JSONLimits()
        limits.refusesDuplicateMembers = true
        for text in [#"{"a":1,"a":2}"#, #"[{"a":{"b":1,"c":2,"b":3}}]"#, #"{"a":1,"\u0061":2}"#] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: text, limits: limits) }
            #expect(throws: JSONError.self) { try JSONScan(Array(text.utf8), limits: limits) }
        }
        #expect(try JSONValue(parsing: #"{"a":1,"a":2}"#) == ["a": 2])
    }
}
