import JSON
import Sequences
import Testing

@Suite struct VariableTests {
    private func bind(_ variable: VariableDefinition, _ value: JSONValue?) throws -> JSONValue {
        try variable.bind(value)
    }

    @Test func `null and absent take the default, or are refused when required`() throws {
        let optional = VariableDefinition(name: "v")
        #expect(try bind(optional, nil) == nil)
        let standard = VariableDefinition(name: "v", type: .integer, defaultValue: 3)
        #expect(try bind(standard, .null) == 3)
        let required = VariableDefinition(name: "v", isRequired: true)
        #expect(throws: SequenceFailure(code: .invalidVariable, message: "the variable 'v' is required")) {
            try bind(required, .null)
        }
    }

    @Test(arguments: VariableDefinition.ValueType.allCases)
    func `a type takes its own values only`(type: VariableDefinition.ValueType) throws {
        let values: [(JSONValue, Set<VariableDefinition.ValueType>)] = [
            ("x", [.string]), (1, [.number, .integer]), (1.0, [.number, .integer]), (1.5, [.number]),
            (true, [.boolean]),
            ([:], [.object]), ([], [.array]),
        ]
        let variable = VariableDefinition(name: "v", type: type)
        for (value, types) in values {
            if type == .any || types.contains(type) {
                #expect(try bind(variable, value) == value)
            } else {
                #expect(throws: SequenceFailure.self) { try bind(variable, value) }
            }
        }
    }

    @Test func `a multi-valued variable makes a list of a single value and checks each of a list`() throws {
        let variable = VariableDefinition(name: "v", type: .string, isMulti: true)
        #expect(try bind(variable, "a") == ["a"])
        #expect(try bind(variable, ["a", "b"]) == ["a", "b"])
        #expect(try bind(variable, nil) == [])
        let failure = #expect(throws: SequenceFailure.self) { try bind(variable, ["a", 5]) }
        #expect(failure?.message == "the variable 'v' must be a string at index 1, found number")
        let lists = VariableDefinition(name: "v", type: .array, isMulti: true)
        #expect(try bind(lists, [1]) == [[1]])
        #expect(try bind(lists, [[1], [2]]) == [[1], [2]])
    }

    @Test func `an unknown variable is refused with the nearest, or ignored`() throws {
        let variables = [VariableDefinition(name: "number")]
        let failure = #expect(throws: SequenceFailure.self) { try variables.bind(["nubmer": 1]) }
        #expect(failure?.message == "there is no variable 'nubmer'; did you mean 'number'?")
        #expect(try variables.bind(["number": 1, "more": 2], unknown: .ignored) == ["number": 1])
    }

    @Test func `a message never shows a value`() throws {
        let secret = VariableDefinition(name: "password", type: .integer, isSecret: true)
        let failure = #expect(throws: SequenceFailure.self) { try bind(secret, "hunter2") }
        #expect(failure.map { String(describing: $0).contains("hunter2") } == false)
    }
}
