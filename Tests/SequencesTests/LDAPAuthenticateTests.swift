import JSON
import Sequences
import Testing

@Suite struct LDAPAuthenticateTests {
    /// A directory that takes one password.
    private static func directory() -> RecordingEffects {
        RecordingEffects { _, variables, _ in
            guard variables["password"] == "right" else {
                return ["authenticated": false, "dn": .null, "attributes": [:]]
            }
            return [
                "authenticated": true, "dn": "uid=ann,dc=example", "attributes": ["uid": ["ann"], "team": ["a", "b"]],
            ]
        }
    }

    private func login(_ password: String, _ changes: JSONObject = [:]) async throws -> Interpreter.Answer {
        let step: JSONObject = [
            "ldapAuthenticate": "people.login", "with": ["user": "Ann", "password": .string(password)],
        ]
        return try await run([.object(step.merging(changes)), ["output": ["e": "=entry"]]], effects: Self.directory())
    }

    @Test func `a password that the directory takes authenticates the user`() async throws {
        #expect(try await login("right").identity == Identity(user: "Ann", groups: ["from-directory"]))
    }

    @Test func `a user's name that is no text is a failure`() async throws {
        await #expect(throws: SequenceFailure.self) { try await login("right", ["user": "=entry"]) }
    }

    @Test func `name and groups are what the entry says`() async throws {
        let effects = Self.directory()
        let steps: JSONValue = [
            [
                "ldapAuthenticate": "people.login", "with": ["user": "Ann", "password": "right"], "as": "who",
                "user": "=name", "groups": ["a", "b"],
            ]
        ]
        let answer = try await run(
            steps,
            variables: ["name": "ann"],
            declared: [VariableDefinition(name: "name")],
            effects: effects
        )
        #expect(answer.identity == Identity(user: "ann", groups: ["a", "b"]))
    }

    @Test func `another password authenticates nobody, and is no failure`() async throws {
        let answer = try await login("wrong")
        #expect(answer.identity == nil)
        #expect(answer.value["e"]?["authenticated"] == false)
    }

    @Test func `branches authenticate nobody`() {
        let problems = ProblemCollector()
        let step: JSONValue = ["parallel": ["branches": [[["ldapAuthenticate": "people.login"]]]]]
        _ = StepBlock(reading: SourceNode(json: [step]), problems: problems)
        #expect(problems.problems.map(\.message) == ["'ldapAuthenticate' inside of a 'parallel'"])
        let wrong = ProblemCollector()
        _ = StepBlock(reading: SourceNode(json: [["ldapAuthenticate": "people"]]), problems: wrong)
        #expect(wrong.problems.count == 1)
    }
}
