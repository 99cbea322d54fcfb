import JSON
import Sequences
import TestSupport
import Testing

@Suite struct DataStepTests {
    /// What a step makes.
    private func result(_ step: JSONObject, _ variables: JSONObject = [:]) async throws -> JSONValue {
        var step = step
        step["as"] = "made"
        return try await run(
            [.object(step), ["output": ["made": "=made"]]],
            variables: variables,
            declared: [
                VariableDefinition(name: "x")
            ]
        ).value["made"] ?? .null
    }

    private func code(_ step: JSONObject) async throws -> SequenceFailure.Code {
        var step = step
        step["as"] = "made"
        return try await failure(of: [.object(step)]).code
    }

    /// The problems of a step that cannot be read.
    private func problems(_ step: JSONValue) -> [String] {
        let problems = ProblemCollector()
        _ = StepBlock(reading: SourceNode(json: [step]), problems: problems)
        return problems.problems.map(\.message)
    }

    @Test func `what is the same in every run takes no expression`() {
        let steps: [(member: String, step: JSONValue)] = [
            ("format", ["date": .null, "format": "=x", "as": "y"]), ("by", ["sort": [], "by": "=w", "as": "y"]),
            ("by", ["sort": [], "by": ["a", "=w"], "as": "y"]),
            ("lists", ["parseXML": "", "lists": ["=w"], "as": "y"]),
            ("name", ["log": "", "name": "=w"]),
        ]
        for (member, step) in steps {
            #expect(problems(step) == ["'\(member)' takes no expression: it is the same in every run"])
        }
        // Of all other members the type says it, or they are evaluated.
        let others: [JSONValue] = [
            ["date": .null, "zone": "=x", "as": "y"], ["parseCSV": "", "separator": "=x", "as": "y"],
            ["split": "", "by": ",", "trim": "=x", "as": "y"], ["hash": "", "algorithm": "=x", "as": "y"],
            ["hash": "", "form": "=x", "as": "y"], ["parseXML": "", "namespaces": "=x", "as": "y"],
            ["log": ["level": "=x", "message": ""]], ["parallel": ["limit": "=x", "branches": []]],
            ["while": "x", "max": "=x", "do": []], ["sendMail": [:], "by": "=x"], ["callSequence": "=x"],
            ["callTransaction": "=x"], ["log": "", "when": "=x"], ["sort": [], "as": "=x"], ["set": "=x"],
            ["publish": ["exchange": "a", "message": "", "mandatory": "=x"]],
            ["forEach": "x", "index": "=x", "do": []],
            ["forEach": "=x", "do": []], ["forEach": "x", "key": "=x", "do": []],
        ]
        for step in others { #expect(problems(step).count == 1, "\(step)") }
    }

    // MARK: - Order

    @Test func `elements are sorted by members, and equal ones stay in their order`() async throws {
        let list: JSONValue = [
            ["n": "b", "at": ["y": 1]], ["n": "a", "at": ["y": 2]], ["n": "b", "at": ["y": 2]], ["n": "a"],
        ]
        let sorted = try await result(["sort": list, "by": ["n", "-at.y"]])
        #expect(sorted == .array([1, 3, 2, 0].map { list.arrayValue?[$0] ?? .null }))
        #expect(try await result(["sort": [2, "a", .null, 10, true, -1]]) == [.null, true, -1, 2, 10, "a"])
        #expect(try await code(["sort": 1]) == .invalidValue)
        #expect(problems(["sort": [], "by": [1], "as": "x"]).count == 1)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `sorting permutes, orders, and sorts what is sorted to itself`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let values = (0..<Int.random(in: 0...20, using: &random)).map { _ in Self.value(&random, depth: 2) }
        let sorted = try await result(["sort": .array(values)])
        #expect(try await result(["sort": sorted]) == sorted)
        #expect(Self.counts(sorted.arrayValue ?? []) == Self.counts(values))
        let reversed = try await result(["sort": .array(values.reversed())])
        #expect(reversed == sorted)
    }

    private static func counts(_ values: [JSONValue]) -> [JSONValue: Int] {
        Dictionary(values.map { ($0, 1) }, uniquingKeysWith: +)
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 5 : 3), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .number(JSONNumber(Int.random(in: -3...3, using: &random)))
        case 3: return .string(["", "a", "b", "é"].randomElement(using: &random) ?? "")
        case 4: return .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default: return ["m": value(&random, depth: depth - 1)]
        }
    }

    // MARK: - Texts

    @Test func `a text is split at separators of any length`() async throws {
        #expect(try await result(["split": " a, b,,c", "by": ","]) == ["a", "b", "", "c"])
        #expect(try await result(["split": " a, b,,c", "by": ",", "trim": false]) == [" a", " b", "", "c"])
        #expect(try await result(["split": "a--b---", "by": "--", "omitEmpty": true]) == ["a", "b", "-"])
        #expect(try await result(["split": "", "by": "x"]) == [""])
        #expect(try await code(["split": 1, "by": ","]) == .invalidValue)
        #expect(try await code(["split": "a", "by": ""]) == .invalidValue)
    }

    /// The digests of `abc`, and the second test case of RFC 4231.
    @Test func `digests are those of the standards`() async throws {
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try await result(["hash": "abc"]) == .string(sha))
        #expect(try await result(["hash": "abc", "algorithm": "md5"]) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(
            try await result(["hash": "abc", "algorithm": "sha1", "form": "base64"]) == "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
        )
        let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        #expect(try await result(["hash": "what do ya want for nothing?", "key": "Jefe"]) == .string(mac))
        #expect(try await result(["hash": ["b": 1.0, "a": 2]]) == result(["hash": ["a": 2, "b": 1]]))
        #expect(problems(["hash": "a", "algorithm": "crc", "as": "x"]).count == 1)
    }

    @Test func `Base64 is written and read`() async throws {
        #expect(try await result(["encodeBase64": "grüße"]) == "Z3LDvMOfZQ==")
        #expect(try await result(["decodeBase64": "Z3LD vMOf\nZQ=="]) == "grüße")
        for wrong: JSONValue in ["%", "Z3L", "/w==", 1] {
            #expect(try await code(["decodeBase64": wrong]) == .invalidValue)
        }
    }

    // MARK: - Tables

    @Test func `a table is read with its header, its quotation marks and its line ends`() async throws {
        let text = "\u{FEFF}id;name\r\n1;\"a;\"\"b\"\"\nc\"\n\n2;\n"
        let rows = try await result(["parseCSV": .string(text), "separator": ";"])
        #expect(rows == [["id": "1", "name": "a;\"b\"\nc"], ["id": "2", "name": ""]])
        #expect(try await result(["parseCSV": "a,b\n", "header": false]) == [["a", "b"]])
        #expect(try await result(["parseCSV": ""]) == [])
    }

    @Test(
        arguments: [("a,b\n1\n", 2), ("a,a\n", 1), ("a\n\"x", 2), ("a\n\"x\ny\"z\n", 3), ("a\n1\n2,3\n", 3)]
            as [(String, JSONValue)]
    )
    func `a table that is none is refused with its line`(text: String, line: JSONValue) async throws {
        let failure = try await failure(of: [["parseCSV": .string(text), "as": "rows"]])
        #expect(failure.code == .invalidValue && failure.details["line"] == line)
    }

    @Test func `of one field the singular is said`() async throws {
        let few = try await failure(of: [["parseCSV": "a,b\n1\n", "as": "rows"]])
        #expect(few.message == "line 2 of the table: there is 1 field for 2 columns")
        let many = try await failure(of: [["parseCSV": "a\n1,2\n", "as": "rows"]])
        #expect(many.message == "line 2 of the table: there are 2 fields for 1 column")
    }

    @Test func `a table is written from objects or lists`() async throws {
        let rows: JSONValue = [["a": 1, "b": "x,y"], ["b": "\"q\"", "a": .null]]
        #expect(try await result(["writeCSV": rows]) == "a,b\r\n1,\"x,y\"\r\n,\"\"\"q\"\"\"\r\n")
        #expect(
            try await result(["writeCSV": rows, "columns": ["b"], "header": false]) == "\"x,y\"\r\n\"\"\"q\"\"\"\r\n"
        )
        #expect(try await result(["writeCSV": [[1, 2]], "separator": ";"]) == "1;2\r\n")
        #expect(try await result(["writeCSV": [["a": 1], ["c": 3, "a": 2]]]) == "a,c\r\n1,\r\n2,3\r\n")
        #expect(try await result(["writeCSV": []]) == "")
        let own = (0..<20_000).map { JSONValue.object(JSONObject([("k\($0)", .null)])) }
        #expect(try await code(["writeCSV": .array(own)]) == .limit)
        #expect(try await code(["writeCSV": [1]]) == .invalidValue)
        #expect(problems(["writeCSV": [], "separator": "ab", "as": "x"]).count == 1)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `what is written is what is read`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let width = Int.random(in: 1...3, using: &random)
        let pieces = ["a", ",", "\"", "\n", "\r\n", " ", "ü", ";"]
        let rows = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            JSONValue.array(
                (0..<width).map { _ in
                    let count = Int.random(in: 0...4, using: &random)
                    return .string((0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined())
                }
            )
        }
        let text = try await result(["writeCSV": .array(rows)])
        #expect(try await result(["parseCSV": text, "header": false]) == .array(rows))
    }

    // MARK: - Dates

    @Test(
        arguments: [
            (
                ["date": "2026-03-28T12:00:00Z", "add": ["days": 1], "zone": "Europe/Madrid"],
                "2026-03-29T13:00:00.000+02:00"
            ),
            (["date": "2024-01-31", "add": ["months": 1]], "2024-02-29T00:00:00.000Z"),
            (["date": "2026-01-01T00:00:00.250+01:00"], "2025-12-31T23:00:00.250Z"),
            (["date": 0, "format": "dd.MM.yyyy HH:mm", "zone": "Europe/Berlin"], "01.01.1970 01:00"),
            (["date": "2026-11-26", "format": "milliseconds"], 1_795_651_200_000),
            (["date": 1_500, "add": ["milliseconds": -500], "format": "milliseconds"], 1_000),
        ] as [(JSONObject, JSONValue)]
    )
    func `moments are read, moved and written`(step: JSONObject, expected: JSONValue) async throws {
        #expect(try await result(step) == expected)
    }

    @Test func `without a moment it is the present`() async throws {
        let effects = RecordingEffects()
        let steps: JSONValue = [["date": .null, "format": "milliseconds", "as": "d"], ["output": ["d": "=d"]]]
        #expect(try await run(steps, effects: effects).value["d"]?.intValue == effects.currentTime)
    }

    @Test(
        arguments: [
            ["date": "tomorrow"], ["date": "2026-02-30"], ["date": true], ["date": 0, "add": ["fortnights": 1]],
            ["date": 0, "add": ["days": 1.5]], ["date": 0, "add": ["years": 9_000]], ["date": 0, "add": 1],
            ["date": 0, "add": ["milliseconds": .number(JSONNumber(Int.min))]],
        ] as [JSONObject]
    )
    func `a moment that is none is refused`(step: JSONObject) async throws {
        #expect(try await code(step) == .invalidValue)
    }

    @Test func `a zone or a format that is none is a mistake of the project`() {
        #expect(problems(["date": 0, "zone": "Europe/Nowhere", "as": "x"]).count == 1)
        #expect(problems(["date": 0, "format": "", "as": "x"]).count == 1)
        #expect(problems(["sort": []]) == ["the step 'sort' needs 'as': the name of the result"])
    }

    // MARK: - Users and groups

    @Test func `memberships are changed and asked for`() async throws {
        let effects = RecordingEffects()
        let answer = try await run(
            [
                ["setUserInGroup": ["user": "ann", "group": "red"], "as": "set"],
                ["removeUserFromGroup": ["user": "ann", "group": "red"], "as": "removed"],
                ["groupsOf": "ann", "as": "groups1"], ["usersOf": "red", "as": "users1"],
                ["listGroups": .null, "as": "groups2"], ["listUsers": "bob", "as": "users2"],
                ["output": ["set": "=set", "removed": "=removed", "groups": "=groups1"]],
            ],
            effects: effects
        )
        #expect(answer.value == ["set": ["new": true], "removed": ["removed": true], "groups": ["asked"]])
        #expect(
            effects.log == [
                "ann in red: true", "ann in red: false", "groups of ann", "users of red", "groups after nobody",
                "users after bob",
            ]
        )
        #expect(try await failure(of: [["setUserInGroup": ["user": "", "group": "g"]]]).code == .invalidValue)
        #expect(try await failure(of: [["groupsOf": 1, "as": "g"]]).code == .invalidValue)
        #expect(problems(["setUserInGroup": ["user": "a"]]).count == 1)
    }

    // MARK: - Sessions and messages

    @Test func `a session's values are set, read and removed`() async throws {
        let effects = RecordingEffects()
        let answer = try await run(
            [
                ["sessionSet": ["token": "=1 + 1", "n": "x"]], ["sessionGet": "token", "as": "t"],
                ["sessionRemove": ["token", "n"]], ["sessionRemove": "m"], ["output": ["t": "=t"]],
            ],
            effects: effects
        )
        #expect(answer.value == ["t": "kept"])
        #expect(
            effects.log == [
                #"session {"token":2,"n":"x"}"#, "session token", "session without token,n", "session without m",
            ]
        )
        #expect(try await failure(of: [["sessionGet": 1, "as": "t"]]).code == .invalidValue)
        #expect(problems(["sessionSet": "x"]).count == 1)
    }

    @Test func `a message is published, but not to the system's own exchanges`() async throws {
        let effects = RecordingEffects()
        _ = try await run(
            [
                ["publish": ["exchange": "erp", "routingKey": "a.b", "message": ["n": 1], "headers": ["h": "v"]]],
                ["publish": ["exchange": "erp", "message": "text", "mandatory": true]],
            ],
            effects: effects
        )
        #expect(effects.log == [#"publish erp/a.b {"n":1} h: v"#, #"publish erp/ "text" mandatory"#])
        for name: JSONValue in ["", "fullsync.control"] {
            #expect(problems(["publish": ["exchange": name, "message": 1]]).count == 1)
        }
        let computed: JSONValue = [
            ["set": ["x": "fullsync.runs"]], ["publish": ["exchange": "=x", "message": 1]],
        ]
        #expect(try await failure(of: computed).code == .invalidValue)
        #expect(problems(["publish": ["exchange": "erp"]]).count == 1)
    }
}
