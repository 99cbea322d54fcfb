import JSON
import Sequences
import Testing

@Suite struct StepTests {
    @Test func `set computes all values before it sets a name`() async throws {
        let answer = try await run([
            ["set": ["a": 1, "b": 2]],
            ["set": ["a": "=b", "b": "=a"]],
            ["output": ["a": "=a", "b": "=b"]],
        ])
        #expect(answer.value == ["a": 2, "b": 1])
    }

    @Test func `expressions stand at any depth, and an escaped one is a text`() async throws {
        let answer = try await run([
            ["set": ["x": 7]],
            ["output": ["list": [1, "=x", ["deep": "=x + 1"]], "text": #"\=x"#, "plain": "x"]],
        ])
        #expect(answer.value == ["list": [1, 7, ["deep": 8]], "text": "=x", "plain": "x"])
    }

    @Test func `output merges members, later ones on top`() async throws {
        let answer = try await run([
            ["output": ["a": 1, "b": 1]], ["set": ["o": ["b": 2]]], ["output": "=o"],
        ])
        #expect(answer.value == ["a": 1, "b": 2])
    }

    @Test func `output of anything but an object fails`() async throws {
        #expect(try await failure(of: [["output": "=1"]]).code == .invalidValue)
    }

    @Test func `js names what it returns`() async throws {
        let answer = try await run([["js": "return 1 + 2", "as": "sum"], ["output": ["sum": "=sum"]]])
        #expect(answer.value == ["sum": 3])
    }

    @Test func `a step with a condition is skipped unless it is true`() async throws {
        let answer = try await run([
            ["output": ["a": 1], "when": "1 == 1"], ["output": ["b": 1], "when": "1 == 2"],
        ])
        #expect(answer.value == ["a": 1])
    }

    @Test func `callTransaction passes its variables and names the answer`() async throws {
        let effects = RecordingEffects()
        let answer = try await run(
            [
                ["set": ["n": "W1"]],
                ["callTransaction": "erp.get", "with": ["number": "=n"], "as": "order"],
                ["output": "=order"],
            ],
            effects: effects
        )
        #expect(answer.value == ["number": "W1"])
        #expect(effects.events == [.init(path: "2", description: #"erp.get {"number":"W1"}"#)])
    }

    @Test func `with may be one expression`() async throws {
        let answer = try await run([
            ["set": ["v": ["a": 1]]], ["callTransaction": "erp.get", "with": "=v", "as": "r"], ["output": "=r"],
        ])
        #expect(answer.value == ["a": 1])
    }

    @Test func `if runs one of its branches`() async throws {
        for (value, expected) in [(true, "then"), (false, "else")] as [(JSONValue, JSONValue)] {
            let answer = try await run(
                [["if": "x", "then": [["output": ["b": "then"]]], "else": [["output": ["b": "else"]]]]],
                variables: ["x": value],
                declared: [VariableDefinition(name: "x")]
            )
            #expect(answer.value["b"] == expected)
        }
    }

    @Test(arguments: [("open", 1), ("closed", 2), ("else", 3)] as [(JSONValue, JSONValue)])
    func `switch runs the first equal case or the default`(value: JSONValue, expected: JSONValue) async throws {
        let answer = try await run(
            [
                [
                    "switch": "x",
                    "cases": [
                        ["value": "open", "do": [["output": ["n": 1]]]],
                        ["value": "=\"closed\"", "do": [["output": ["n": 2]]]],
                        ["value": "open", "do": [["output": ["n": 9]]]],
                    ],
                    "default": [["output": ["n": 3]]],
                ]
            ],
            variables: ["x": value],
            declared: [VariableDefinition(name: "x")]
        )
        #expect(answer.value["n"] == expected)
    }

    @Test func `forEach gives item and index, collects, and forgets what its turns set`() async throws {
        let answer = try await run([
            ["set": ["list": [10, 20, 30], "x": 0]],
            [
                "forEach": "list", "item": "n", "index": "i", "do": [["set": ["x": "=n + i"]]],
                "collect": "=x", "as": "sums",
            ],
            ["output": ["sums": "=sums", "x": "=x"]],
        ])
        #expect(answer.value == ["sums": [10, 21, 32], "x": 0])
    }

    @Test func `forEach over null does nothing, over anything else fails`() async throws {
        let loop: (JSONValue) -> JSONValue = { [["forEach": $0, "do": [["output": ["a": 1]]]]] }
        #expect(try await run(loop("null")).value == [:])
        #expect(try await failure(of: loop("5")).code == .invalidValue)
    }

    @Test func `break and continue act on the innermost loop`() async throws {
        let effects = RecordingEffects()
        _ = try await run(
            [
                ["set": ["outer": [1, 2], "inner": [1, 2, 3, 4]]],
                [
                    "forEach": "outer", "item": "a",
                    "do": [
                        [
                            "forEach": "inner", "item": "b",
                            "do": [
                                ["continue": nil, "when": "b == 2"], ["break": nil, "when": "b == 4"],
                                ["log": "=a + b"],
                            ],
                        ]
                    ],
                ],
            ],
            effects: effects
        )
        #expect(effects.log == ["info 2", "info 4", "info 3", "info 5"])
    }

    @Test func `while works on the names around it`() async throws {
        let answer = try await run([
            ["set": ["n": 0]], ["while": "n < 5", "do": [["set": ["n": "=n + 1"]]]], ["output": ["n": "=n"]],
        ])
        #expect(answer.value == ["n": 5])
    }

    @Test func `return ends the sequence with its value or with the output`() async throws {
        #expect(try await run([["output": ["a": 1]], ["return": nil], ["output": ["b": 1]]]).value == ["a": 1])
        #expect(try await run([["output": ["a": 1]], ["return": "=1 + 1"]]).value == 2)
        let nested: JSONValue = [["set": ["l": [1, 2]]], ["forEach": "l", "do": [["return": "=item"]]]]
        #expect(try await run(nested).value == 1)
    }

    @Test func `setAuthenticatedUser changes who the run is`() async throws {
        let effects = RecordingEffects()
        let answer = try await run(
            [
                ["setAuthenticatedUser": "anna", "groups": ["north"]],
                ["output": ["user": "=user", "groups": "=groups"]],
                ["setAuthenticatedUser": "=\"ben\""],
            ],
            effects: effects
        )
        #expect(answer.value == ["user": "anna", "groups": ["north"]])
        #expect(answer.identity == Identity(user: "ben", groups: ["from-directory"]))
        #expect(effects.log == ["user anna north", "user ben directory"])
    }

    @Test func `removeAuthenticatedUser leaves nobody`() async throws {
        let steps: JSONValue = [["removeAuthenticatedUser": nil], ["output": ["user": "=user"]]]
        let answer = try await run(steps, as: Identity(user: "anna"))
        #expect(answer.value == ["user": nil])
        #expect(answer.identity == nil)
    }

    @Test(arguments: ["=null", "=\"\"", "=5"] as [JSONValue])
    func `setAuthenticatedUser needs a name`(user: JSONValue) async throws {
        #expect(try await failure(of: [["setAuthenticatedUser": user]]).code == .invalidValue)
    }

    @Test func `sleep waits for a duration or for milliseconds`() async throws {
        let effects = RecordingEffects()
        _ = try await run([["sleep": "2s"], ["sleep": "=250"], ["sleep": "=\"30s\""]], effects: effects)
        #expect(effects.log == ["sleep 2s", "sleep 250ms", "sleep 30s"])
    }

    @Test func `log has a level and a message`() async throws {
        let effects = RecordingEffects()
        _ = try await run([["log": "hello"], ["log": ["level": "warning", "message": ["n": "=1"]]]], effects: effects)
        #expect(effects.log == [#"info "hello""#, #"warning {"n":1}"#])
    }

    @Test func `the scope has the run, the user, the symbols and the names, which hide the others`() async throws {
        let effects = RecordingEffects()
        let answer = try await run(
            [
                ["set": ["groups": "mine"]],
                ["output": ["id": "=run.id", "page": "=symbols.PAGE", "user": "=user", "groups": "=groups"]],
            ],
            as: Identity(user: "anna", groups: ["north"]),
            effects: effects
        )
        #expect(answer.value == ["id": "run-1", "page": 1_000, "user": "anna", "groups": "mine"])
        #expect(effects.scopes.last?.names.sorted() == ["groups", "run", "symbols", "user"])
    }
}
