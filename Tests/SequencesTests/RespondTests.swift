import JSON
import Sequences
import Testing

/// What a sequence says of the answer to its call, and what it knows of the request.
@Suite struct RespondTests {
    @Test func `status and headers go with the answer, and the later word counts`() async throws {
        let answer = try await run(
            [
                ["respond": ["status": 202, "headers": ["Location": "/a", "X-Part": 1]]],
                ["forEach": "l", "do": [["respond": ["headers": ["Location": "=item"]]]]],
                ["output": ["done": true]],
            ],
            variables: ["l": ["/b", "/c"]],
            declared: [VariableDefinition(name: "l")]
        )
        #expect(answer.response.status == 202)
        #expect(answer.response.headers == ["Location": "/c", "X-Part": "1"])
        #expect(answer.value == ["done": true])
        #expect(try await run([["output": [:]]]).response == ResponseHead())
    }

    @Test func `a called sequence answers nobody`() async throws {
        let inner = try SequenceDefinition("inner", steps: [["respond": ["status": 404]]])
        let answer = try await run([["callSequence": "inner"]], calling: [inner])
        #expect(answer.response.status == nil)
    }

    @Test(
        arguments: [
            ["status": 199], ["status": 600], ["status": "=x"], ["headers": "=x"],
            ["headers": ["X-A": "=x"]], ["headers": ["X-A": "ä"]],
        ] as [JSONValue]
    )
    func `what HTTP does not have is an error`(said: JSONValue) async throws {
        let problems = ProblemCollector()
        _ = StepBlock(reading: SourceNode(json: [["respond": said]]), problems: problems)
        guard problems.problems.isEmpty else { return }
        let failure = try await failure(
            of: [["respond": said]],
            variables: ["x": "line\nX-Other: smuggled"],
            declared: [VariableDefinition(name: "x")]
        )
        #expect(failure.code == .invalidValue)
    }

    @Test(
        arguments: [
            ["headers": ["Set-Cookie": "a=b"]], ["headers": ["Content-Length": 1]],
            ["headers": ["X-FullSync-Run": "r"]],
            ["headers": ["X A": "b"]], ["status": 100], [:],
        ] as [JSONValue]
    )
    func `what a project may not say is said before it runs`(said: JSONValue) {
        let problems = ProblemCollector()
        _ = StepBlock(reading: SourceNode(json: [["respond": said]]), problems: problems)
        #expect(problems.problems.count == 1)
    }

    @Test func `branches answer nobody`() {
        let problems = ProblemCollector()
        let step: JSONValue = ["parallel": ["branches": [[["respond": ["status": 200]]]]]]
        _ = StepBlock(reading: SourceNode(json: [step]), problems: problems)
        #expect(problems.problems.map(\.message) == ["'respond' inside of a 'parallel'"])
    }

    @Test func `expressions see the request`() async throws {
        let description = RunDescription(
            id: "1",
            attempt: 1,
            cause: "call",
            request: ["headers": ["accept-language": "de"]]
        )
        let effects = RecordingEffects()
        let interpreter = Interpreter(library: TestLibrary(), effects: effects)
        let sequence = try SequenceDefinition(steps: [["set": ["x": "=run"]]])
        _ = try await interpreter.run(sequence, variables: [:], identity: nil, run: description)
        #expect(effects.scopes.first?["run"]?["request"]?["headers"]?["accept-language"] == "de")
    }
}
