import JSON
import Sequences
import Testing

@Suite struct CallSequenceTests {
    @Test func `a called sequence sees its variables alone and answers its output`() async throws {
        let called = try SequenceDefinition(
            "double",
            steps: [["output": ["n": "=x + x"]], ["set": ["secretName": 1]]],
            variables: [VariableDefinition(name: "x", type: .integer, isRequired: true)]
        )
        let answer = try await run(
            [
                ["set": ["y": 4]], ["callSequence": "double", "with": ["x": "=y"], "as": "result"],
                ["output": ["r": "=result.n"]],
            ],
            calling: [called]
        )
        #expect(answer.value == ["r": 8])
        let peeking = try SequenceDefinition("peek", steps: [["output": ["y": "=y"]]])
        let failure = try await failure(of: [["set": ["y": 1]], ["callSequence": "peek"]], calling: [peeking])
        #expect(failure.code == .script)
        #expect(failure.location?.path.description == "2/1")
        #expect(failure.location?.sequence == "project/peek")
    }

    @Test func `effects of a called sequence have paths below the call`() async throws {
        let effects = RecordingEffects()
        let called = try SequenceDefinition("inner", steps: [["log": "a"], ["log": "b"]])
        _ = try await run(
            [["set": ["l": [1, 2]]], ["forEach": "l", "do": [["callSequence": "inner"]]]],
            calling: [called],
            effects: effects
        )
        #expect(effects.events.map(\.path) == ["2.do#1.1/1", "2.do#1.1/2", "2.do#2.1/1", "2.do#2.1/2"])
    }

    @Test func `who is authenticated passes to the called sequence and back`() async throws {
        let login = try SequenceDefinition("login", steps: [["setAuthenticatedUser": "=user + 2", "groups": []]])
        let answer = try await run(
            [["callSequence": "login"], ["output": ["user": "=user"]]],
            calling: [login],
            as: Identity(user: "anna")
        )
        #expect(answer.value == ["user": "anna2"])
    }

    @Test func `a sequence that does not exist, or lacks a user, is a failure that can be caught`() async throws {
        let closed = try SequenceDefinition("closed", steps: [], requiresAuthenticatedUser: true)
        func caught(_ name: String) -> JSONValue {
            [["try": [["callSequence": .string(name)]], "catch": [["output": ["code": "=error.code"]]]]]
        }
        #expect(try await run(caught("missing"), calling: [closed]).value == ["code": "not_found"])
        #expect(try await run(caught("closed"), calling: [closed]).value == ["code": "unauthenticated"])
    }

    @Test func `calls are bounded in depth`() async throws {
        let endless = try SequenceDefinition("endless", steps: [["callSequence": "endless"]])
        var limits = InterpreterLimits()
        limits.callDepth = 5
        let failure = try await failure(of: [["callSequence": "endless"]], calling: [endless], limits: limits)
        #expect(failure.code == .limit)
        #expect(failure.location?.path.description == "1/1/1/1/1/1")
    }

    @Test func `a time limit ends the called sequence, and its caller may catch that`() async throws {
        let effects = RecordingEffects()
        let slow = try SequenceDefinition(
            "slow",
            steps: [["try": [["sleep": "10s"], ["log": "late"]], "catch": [["log": "caught inside"]]]],
            timeout: .seconds(5)
        )
        let answer = try await run(
            [["try": [["callSequence": "slow"]], "catch": [["output": ["code": "=error.code"]]]]],
            calling: [slow],
            effects: effects
        )
        #expect(answer.value == ["code": "timeout"])
        #expect(effects.log == ["sleep 5s"])
    }
}
