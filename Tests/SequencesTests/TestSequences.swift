import JSON
import Sequences
import Testing

extension SourceNode {
    /// A node as if the JSON had been written with each value on a line of its own.
    init(json: JSONValue) {
        var line = 0
        self.init(json, line: &line)
    }

    private init(_ json: JSONValue, line: inout Int) {
        line += 1
        let position = SourcePosition(file: "test.yaml", line: line, column: 1)
        switch json {
        case .array(let values):
            self.init(.list(values.map { SourceNode($0, line: &line) }), at: position)
        case .object(let object):
            let members = object.map { name, value in
                SourceMember(name: name, position: position, node: SourceNode(value, line: &line))
            }
            self.init(.mapping(members), at: position)
        default: self.init(.scalar(json), at: position)
        }
    }
}

extension SequenceDefinition {
    /// A sequence whose steps are given as JSON; steps that cannot be read fail the test.
    init(
        _ name: String = "test",
        steps: JSONValue,
        variables: [VariableDefinition] = [],
        timeout: Duration = .seconds(60),
        requiresAuthenticatedUser: Bool = false
    ) throws {
        let problems = ProblemCollector()
        let node = SourceNode(json: steps)
        let body = StepBlock(reading: node, problems: problems)
        try #require(problems.problems == [])
        self.init(
            project: "project",
            name: name,
            requiresAuthenticatedUser: requiresAuthenticatedUser,
            timeout: timeout,
            variables: variables,
            body: body,
            position: node.position
        )
    }
}

/// A few sequences by name.
struct TestLibrary: SequenceLibrary {
    var sequences: [String: SequenceDefinition] = [:]

    func sequence(_ name: String, inProject project: String) -> SequenceDefinition? {
        project == "project" ? sequences[name] : nil
    }

    func symbols(ofProject project: String) -> JSONObject { ["PAGE": 1_000] }
}

/// Runs steps that are given as JSON.
func run(
    _ steps: JSONValue,
    variables: JSONObject = [:],
    declared: [VariableDefinition] = [],
    calling others: [SequenceDefinition] = [],
    as identity: Identity? = nil,
    limits: InterpreterLimits = InterpreterLimits(),
    effects: RecordingEffects = RecordingEffects(),
    turnNaming: TurnNaming = .byNumber
) async throws -> Interpreter.Answer {
    let library = TestLibrary(sequences: Dictionary(uniqueKeysWithValues: others.map { ($0.name, $0) }))
    let sequence = try SequenceDefinition(steps: steps, variables: declared)
    let interpreter = Interpreter(library: library, effects: effects, limits: limits, turnNaming: turnNaming)
    return try await interpreter.run(
        sequence,
        variables: variables,
        identity: identity,
        run: RunDescription(id: "run-1", attempt: 1, cause: "call")
    )
}

/// The failure of steps that must fail.
func failure(
    of steps: JSONValue,
    variables: JSONObject = [:],
    declared: [VariableDefinition] = [],
    calling others: [SequenceDefinition] = [],
    limits: InterpreterLimits = InterpreterLimits(),
    effects: RecordingEffects = RecordingEffects()
) async throws -> SequenceFailure {
    let failure = await #expect(throws: SequenceFailure.self) {
        try await run(
            steps,
            variables: variables,
            declared: declared,
            calling: others,
            limits: limits,
            effects: effects
        )
    }
    return try #require(failure)
}
