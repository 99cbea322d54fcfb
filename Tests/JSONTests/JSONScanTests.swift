import JSON
import Testing

@Suite struct JSONScanTests {
    @Test func `the members of the outermost object are found`() throws {
        let text = #" {"a" : [1, {"b":2}], "\u0062":"x\"y","c":{},"d":-1.5e3 } "#
        let bytes = Array(text.utf8)
        let scan = try JSONScan(bytes)
        #expect(scan.kind == .object)
        #expect(scan.members.map(\.name) == ["a", "b", "c", "d"])
        #expect(
            scan.members.map { String(decoding: bytes[$0.valueRange], as: UTF8.self) }
                == [#"[1, {"b":2}]"#, #""x\"y""#, "{}", "-1.5e3"]
        )
        #expect(String(decoding: bytes[scan.members[1].nameRange], as: UTF8.self) == #""\u0062""#)
        #expect(scan.range == 1..<bytes.count - 1)
        #expect(scan.depth == 3)
        #expect(scan.hasSpace)
        #expect(scan.elements.isEmpty)
    }

    @Test func `the elements of the outermost array are found`() throws {
        let bytes = Array(#"[1,[2,3],{"a":[]},"x",[],null]"#.utf8)
        let scan = try JSONScan(bytes)
        #expect(
            scan.elements.map { String(decoding: bytes[$0], as: UTF8.self) }
                == ["1", "[2,3]", #"{"a":[]}"#, #""x""#, "[]", "null"]
        )
        #expect(!scan.hasSpace)
        #expect(scan.members.isEmpty)
    }

    @Test func `a part of a text is scanned as if it stood alone`() throws {
        let bytes = Array(#"xx{"a":1}]]"#.utf8)
        let scan = try JSONScan(bytes, in: 2..<9)
        #expect(scan.members.map(\.valueRange) == [7..<8])
        #expect(throws: JSONError.self) { try JSONScan(bytes, in: 2..<8) }
        #expect(throws: JSONError.self) { try JSONScan(bytes, in: 2..<10) }
    }

    @Test(arguments: [
        ("[1.0,1.50,0,0.0,-1,123456789012345678901234567890]", true),
        (#"{"a":1,"b":{"a":1}}"#, true), (#""\ud83d\ude00 é""#, true), ("[\"\u{FFFF}\"]", true),
        (#""\u0000""#, false), (#"{"\u0000":1}"#, false), (#""\ud800""#, false), (#""\ude00""#, false),
        (#""\ud83dx""#, false), (#""\ud83d\ud83d\ude00""#, false), (#"{"a":1,"b":2,"a":1}"#, false),
        (#"[{"x":{"a":1,"\u0061":1}}]"#, false), ("-0", false), ("[-0.000]", false), ("1e2", false), ("[1E400]", false),
        ("0e0", false), (#""\\u0000""#, true),
    ])
    func `what jsonb cannot hold is told`(text: String, isFaithful: Bool) throws {
        #expect(try JSONScan(Array(text.utf8)).isFaithfulInJSONB == isFaithful)
    }

    @Test func `numbers beyond doubles are told`() throws {
        let many = String(repeating: "9", count: 309)
        #expect(try JSONScan(Array("[1e308,-1.7e308,1e-400]".utf8)).hasNumberBeyondDouble == false)
        #expect(try JSONScan(Array("[1e309]".utf8)).hasNumberBeyondDouble)
        #expect(try JSONScan(Array("-1E100000".utf8)).hasNumberBeyondDouble)
        #expect(try JSONScan(Array(many.utf8)).hasNumberBeyondDouble)
        #expect(try JSONScan(Array(("1" + String(repeating: "0", count: 308)).utf8)).isFaithfulInJSONB)
    }

    @Test(arguments: [2, 10, 24, 25, 100, 5_000])
    func `a duplicate is found among any number of members`(count: Int) throws {
        let names = (0..<count).map { "\"name\($0)\":\($0)" }
        let distinct = "{" + names.joined(separator: ",") + "}"
        #expect(try !JSONScan(Array(distinct.utf8)).hasDuplicateMembers)
        let doubled = "{" + (names + ["\"n\\u0061me\(count / 2)\":0"]).joined(separator: ",") + "}"
        #expect(try JSONScan(Array(doubled.utf8)).hasDuplicateMembers)
        let inner = "{\"x\":" + doubled + ",\"name0\":[]}"
        #expect(try JSONScan(Array(inner.utf8)).hasDuplicateMembers)
    }

    @Test func `names that only look the same are different`() throws {
        let text = "{\"\u{E9}\":1,\"e\u{301}\":2}"
        #expect(try !JSONScan(Array(text.utf8)).hasDuplicateMembers)
        #expect(try JSONValue(parsing: text).objectValue?.count == 2)
    }

    @Test func `white space between tokens can be taken away`() throws {
        let bytes = Array("{ \"a b\" : [ 1 ,\n\"x \\\" y\" ] , \"c\" : null }".utf8)
        let scan = try JSONScan(bytes)
        var output: [UInt8] = []
        scan.writeCompact(bytes, scan.range, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == #"{"a b":[1,"x \" y"],"c":null}"#)
    }

    @Test(arguments: 0..<200)
    func `the scanner agrees with the parser on random text`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        let value = random.value()
        var bytes = Array(random.spelling(of: value).utf8)
        let scan = try JSONScan(bytes)
        #expect(try JSONValue(parsing: bytes) == value)
        if case .object(let members) = value {
            #expect(scan.members.count == members.count)
            for (found, expected) in zip(scan.members, members) {
                #expect(found.isNamed(expected.0))
                #expect(try JSONValue(parsing: bytes, in: found.valueRange) == expected.1)
            }
        }
        var compact: [UInt8] = []
        scan.writeCompact(bytes, scan.range, to: &compact)
        #expect(try JSONValue(parsing: compact) == value)
        // Damaged text is either taken by both or refused by both.
        for _ in 0..<20 {
            let place = Int.random(in: bytes.indices, using: &random.generator)
            let damage = Array("{}[]\",:\\0-.eE \u{1}tu".utf8)
            bytes[place] = damage[Int.random(in: damage.indices, using: &random.generator)]
            let parsed = try? JSONValue(parsing: bytes)
            let scanned = try? JSONScan(bytes)
            #expect((parsed == nil) == (scanned == nil), "seed \(seed)")
        }
    }
}
