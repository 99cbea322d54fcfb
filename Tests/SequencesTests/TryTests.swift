import JSON
import Sequences
import Testing

@Suite struct TryTests {
    @Test func `catch gets the failure with its place`() async throws {
        let answer = try await run([
            ["set": ["a": 1]],
            [
                "try": [["fail": ["code": "closed", "message": "No.", "details": ["n": "=a"]]]],
                "catch": [["output": ["error": "=problem"]]], "as": "problem",
            ],
        ])
        let error = try #require(answer.value["error"])
        #expect(error["code"] == "closed")
        #expect(error["message"] == "No.")
        #expect(error["details"] == ["n": 1])
        #expect(error["step"] == "2.try.1")
        #expect(error["sequence"] == "project/test")
    }

    @Test func `fail throws again what was caught, and what else has a code`() async throws {
        let inner: JSONValue = [["fail": ["code": "closed", "message": "No.", "details": ["n": 1]]]]
        let again = try await failure(of: [["try": inner, "catch": [["fail": "=error"]]]])
        #expect(again.code == "closed" && again.message == "No." && again.details == ["n": 1])
        #expect(again.location?.path.description == "1.catch.1")
        let row: JSONValue = ["set": ["row": ["code": "conflict", "reason": "Taken."]]]
        let thrown = try await failure(of: [row, ["fail": "=row"]])
        #expect(thrown.code == "conflict" && thrown.message == "Taken." && thrown.details == .null)
        let plain = try await failure(of: [["set": ["row": ["n": 1]]], ["fail": "=row"]])
        #expect(plain.code == "failed" && plain.message == #"{"n":1}"#)
        let said = try await failure(of: [row, ["fail": ["message": "=row"]]])
        #expect(said.code == "failed")
    }

    @Test func `a failing call can be caught`() async throws {
        let effects = RecordingEffects { _, _, _ in
            throw SequenceFailure(code: .httpStatus, message: "503", details: ["status": 503])
        }
        let answer = try await run(
            [
                [
                    "try": [["callTransaction": "erp.get"], ["output": ["reached": true]]],
                    "catch": [["output": ["status": "=error.details.status"]]],
                ]
            ],
            effects: effects
        )
        #expect(answer.value == ["status": 503])
    }

    @Test func `a script that throws names sequence, step and line`() async throws {
        let failure = try await failure(of: [["set": ["a": 1]], ["set": ["b": "=throw"]]])
        #expect(failure.code == .script)
        #expect(failure.location?.path.description == "2")
        #expect(failure.location?.position.line == 5)
        #expect(failure.description.contains("project/test, step 2, test.yaml:5:1"))
    }

    @Test func `finally runs after success, failure, break and return`() async throws {
        let effects = RecordingEffects()
        func attempt(_ inner: JSONValue) -> JSONValue {
            [["set": ["l": [1]]], ["forEach": "l", "do": [["try": [inner], "finally": [["log": "done"]]]]]]
        }
        _ = try await run(attempt(["set": ["x": 1]]), effects: effects)
        _ = try await run(attempt(["break": nil]), effects: effects)
        #expect(try await run(attempt(["return": 5]), effects: effects).value == 5)
        #expect(try await failure(of: attempt(["fail": "no"]), effects: effects).message == "no")
        #expect(effects.log == Array(repeating: #"info "done""#, count: 4))
    }

    @Test func `a failure of catch or finally replaces the first`() async throws {
        let inCatch: JSONValue = [["try": [["fail": "one"]], "catch": [["fail": "two"]]]]
        #expect(try await failure(of: inCatch).message == "two")
        let inFinally: JSONValue = [["try": [["fail": "one"]], "finally": [["fail": "three"]]]]
        #expect(try await failure(of: inFinally).message == "three")
    }

    @Test func `what try has set and given out before the failure stays`() async throws {
        let answer = try await run([
            ["set": ["a": 1]],
            [
                "try": [["set": ["a": 2]], ["output": ["x": 1]], ["fail": "no"]],
                "catch": [["output": ["a": "=a"]]],
            ],
        ])
        #expect(answer.value == ["x": 1, "a": 2])
    }

    @Test func `an error that is no failure passes catch and finally`() async throws {
        struct Uncertain: Error {}
        let effects = RecordingEffects { _, _, _ in throw Uncertain() }
        await #expect(throws: Uncertain.self) {
            try await run(
                [["try": [["callTransaction": "a.b"]], "catch": [["log": "c"]], "finally": [["log": "f"]]]],
                effects: effects
            )
        }
        #expect(effects.log == ["a.b {}"])
    }
}
