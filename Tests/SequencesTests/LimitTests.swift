import JSON
import Sequences
import Testing

@Suite struct LimitTests {
    private func limits(_ change: (inout InterpreterLimits) -> Void) -> InterpreterLimits {
        var limits = InterpreterLimits()
        change(&limits)
        return limits
    }

    @Test func `steps are counted over calls and branches, and catching the limit does not lift it`() async throws {
        let effects = RecordingEffects()
        let failure = try await failure(
            of: [
                ["set": ["a": 1]],
                ["try": [["while": "true", "do": [["log": "x"]]]], "catch": [["log": "caught"]]],
            ],
            limits: limits { $0.steps = 10 },
            effects: effects
        )
        #expect(failure.code == .limit)
        // Two steps, the loop, and then seven lines.
        #expect(effects.log == Array(repeating: #"info "x""#, count: 7))
    }

    @Test(arguments: [4, 5, 6])
    func `a while may take max turns and no more`(turns: Int) async throws {
        let steps: JSONValue = [
            ["set": ["n": 0]],
            ["while": .string("n < \(turns)"), "do": [["set": ["n": "=n + 1"]]], "max": 5],
            ["output": ["n": "=n"]],
        ]
        if turns <= 5 {
            #expect(try await run(steps).value == ["n": .number(JSONNumber(turns))])
        } else {
            #expect(try await failure(of: steps).code == .limit)
        }
    }

    @Test func `forEach is bounded by the limit of turns`() async throws {
        let steps: JSONValue = [["set": ["l": [1, 2, 3]]], ["forEach": "l", "do": [["log": "=item"]]]]
        let effects = RecordingEffects()
        #expect(try await failure(of: steps, limits: limits { $0.turns = 2 }, effects: effects).code == .limit)
        #expect(effects.log.count == 2)
    }

    @Test func `values, answers of calls and variables are bounded`() async throws {
        let small = limits { $0.valueSize = 100 }
        let long = JSONValue.string(String(repeating: "x", count: 200))
        let effects = RecordingEffects { _, _, _ in long }
        #expect(try await failure(of: [["callTransaction": "a.b"]], limits: small, effects: effects).code == .limit)
        let declared = [VariableDefinition(name: "v")]
        #expect(try await failure(of: [], variables: ["v": long], declared: declared, limits: small).code == .limit)
        let doubling: JSONValue = [
            ["set": ["s": "0123456789"]], ["while": "true", "do": [["set": ["s": "=s + s"]]]],
        ]
        #expect(try await failure(of: doubling, limits: small).code == .limit)
    }

    @Test func `values are nested so deep and no deeper`() async throws {
        let nesting: JSONValue = [
            ["set": ["v": [:], "n": 0]],
            ["while": "n < 20", "do": [["set": ["v": ["in": "=v"], "n": "=n + 1"]]]],
            ["output": ["v": "=v"]],
        ]
        #expect(try await run(nesting).value["v"]?["in"]?["in"] != nil)
        #expect(try await failure(of: nesting, limits: limits { $0.valueDepth = 10 }).code == .limit)
        let output: JSONValue = [["output": ["a": [[[[]]]]]]]
        #expect(try await failure(of: output, limits: limits { $0.valueDepth = 4 }).code == .limit)
        // What stands within a message or a row is read again.
        #expect(InterpreterLimits().valueDepth < JSONLimits.deepest)
    }

    @Test func `the answer is bounded, with what parallel branches add`() async throws {
        let text = JSONValue.string(String(repeating: "x", count: 60))
        let small = limits { $0.outputSize = 100 }
        #expect(try await run([["output": ["a": text]]], limits: small).value == ["a": text])
        #expect(
            try await failure(of: [["output": ["a": text]], ["output": ["b": text]]], limits: small).code == .limit
        )
        let branches: JSONValue = [["parallel": ["branches": [[["output": ["a": text]]], [["output": ["b": text]]]]]]]
        #expect(try await failure(of: branches, limits: small).code == .limit)
    }

    @Test func `a sleep is bounded`() async throws {
        #expect(try await failure(of: [["sleep": "2h"]]).code == .limit)
    }

    @Test func `a sleep ends when the run's time is over`() async throws {
        let effects = RecordingEffects()
        let failure = try await failure(of: [["sleep": "59s"], ["sleep": "5s"]], effects: effects)
        #expect(failure.code == .timeout)
        #expect(failure.location?.path.description == "2")
        #expect(effects.log == ["sleep 59s", "sleep 1s"])
    }

    @Test func `a run ends between steps when its time is over`() async throws {
        let effects = RecordingEffects()
        let failure = try await failure(
            of: [["sleep": "59s"], ["log": "in time"], ["sleep": "1s"], ["log": "late"]],
            effects: effects
        )
        #expect(failure.code == .timeout)
        #expect(failure.location?.path.description == "4")
        #expect(effects.log == ["sleep 59s", #"info "in time""#, "sleep 1s"])
    }

    @Test func `cancellation ends a run between steps, past catch and finally`() async throws {
        let effects = RecordingEffects { _, _, _ in
            // As when the client that called goes away.
            withUnsafeCurrentTask { $0?.cancel() }
            return nil
        }
        let task = Task {
            try await run(
                [
                    [
                        "try": [["callTransaction": "a.b"], ["log": "after"]], "catch": [["log": "caught"]],
                        "finally": [["log": "finally"]],
                    ]
                ],
                effects: effects
            )
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(effects.log == ["a.b {}"])
    }
}
