import JSON
import Sequences
import TestSupport
import Testing

/// Random programs against a model that knows the rules of scope and nothing else.
@Suite struct RandomProgramTests {
    @Test(arguments: [UInt64](1...8))
    func `order, scope, output and failures are as the model says`(seed: UInt64) async throws {
        var generator = ProgramGenerator(seed: seed)
        for number in 0..<150 {
            let program = generator.program()
            let comment = Comment(rawValue: "seed \(seed), program \(number): \(program.text)")
            var model = ScopeModel()
            let expected = model.run(program)

            var traces: [[RecordingEffects.Event]] = []
            for _ in 0..<2 {
                let effects = RecordingEffects()
                var outcome: ScopeModel.Outcome
                do {
                    outcome = .answer(try await run(program, calling: [try Self.called()], effects: effects).value)
                } catch let failure as SequenceFailure {
                    outcome = .failure(failure.message)
                }
                #expect(outcome == expected, comment)
                traces.append(effects.events)
            }
            // Branches of a parallel may be interleaved in any way; each effect has a path of its own, the same each
            // time.
            let paths = traces[0].map(\.path)
            #expect(Set(paths).count == paths.count, comment)
            if !program.text.contains("parallel") {
                #expect(traces[0] == traces[1], comment)
                #expect(traces[0].map(\.description) == model.log, comment)
            } else {
                #expect(Set(traces[0]) == Set(traces[1]), comment)
                #expect(traces[0].map(\.description).sorted() == model.log.sorted(), comment)
            }
        }
    }

    /// The sequence that programs call: adds one to its variable, and fails at 3.
    private static func called() throws -> SequenceDefinition {
        try SequenceDefinition(
            "next",
            steps: [["fail": "three", "when": "x == 3"], ["set": ["a": 99]], ["return": "=x + 1"]],
            variables: [VariableDefinition(name: "x")]
        )
    }
}

/// The rules of scope, said a second time.
///
/// No branch of a `parallel` fails in these programs: which of two failures comes first is not decided.
struct ScopeModel {
    enum Outcome: Equatable {
        case answer(JSONValue)
        case failure(String)
    }

    private enum Flow: Equatable {
        case next, leave, again
        case end(JSONValue?)
        case failed(String)
    }

    private(set) var log: [String] = []
    private var output: [String: JSONValue] = [:]

    mutating func run(_ program: JSONValue) -> Outcome {
        var names: [String: Int] = ["a": 0, "b": 0, "c": 0, "l": 0]
        switch block(program.arrayValue ?? [], &names) {
        case .failed(let message): return .failure(message)
        case .end(let value?): return .answer(value)
        default: return .answer(.object(JSONObject(output.map { ($0.key, $0.value) })))
        }
    }

    private mutating func block(_ steps: [JSONValue], _ names: inout [String: Int]) -> Flow {
        for one in steps {
            let flow = step(one, &names)
            if flow != .next { return flow }
        }
        return .next
    }

    private func value(_ node: JSONValue?, _ names: [String: Int]) -> Int {
        guard let text = node?.stringValue else { return node?.intValue ?? 0 }
        let words = text.drop { $0 == "=" }.split(separator: " ")
        func operand(_ word: Substring) -> Int { Int(word) ?? names[String(word)] ?? 0 }
        guard words.count == 3 else { return operand(words[0]) }
        let (left, right) = (operand(words[0]), operand(words[2]))
        switch words[1] {
        case "+": return left + right
        case "-": return left - right
        case "<": return left < right ? 1 : 0
        default: return left == right ? 1 : 0
        }
    }

    private mutating func step(_ step: JSONValue, _ names: inout [String: Int]) -> Flow {
        if let condition = step["when"], value(condition, names) == 0 { return .next }
        func inner(_ name: String) -> [JSONValue] { step[name]?.arrayValue ?? [] }
        if let members = step["set"]?.objectValue {
            let before = names
            for (name, node) in members { names[name] = value(node, before) }
        } else if let members = step["output"]?.objectValue {
            for (name, node) in members { output[name] = .number(JSONNumber(value(node, names))) }
        } else if let message = step["log"] {
            log.append("info \(value(message, names))")
        } else if let message = step["fail"]?.stringValue {
            return .failed(message)
        } else if step["break"] != nil {
            return .leave
        } else if step["continue"] != nil {
            return .again
        } else if let result = step["return"] {
            return .end(result.isNull ? nil : .number(JSONNumber(value(result, names))))
        } else if let condition = step["if"] {
            return block(value(condition, names) != 0 ? inner("then") : inner("else"), &names)
        } else if step["callSequence"] != nil {
            let argument = value(step["with"]?["x"], names)
            if argument == 3 { return .failed("three") }
            names[step["as"]?.stringValue ?? ""] = argument + 1
        } else {
            return compound(step, &names)
        }
        return .next
    }

    private mutating func compound(_ step: JSONValue, _ names: inout [String: Int]) -> Flow {
        let body = step["do"]?.arrayValue ?? []
        if step["forEach"] != nil {
            for turn in 0..<3 {
                var inside = names
                inside["item"] = turn
                switch block(body, &inside) {
                case .next, .again: continue
                case .leave: return .next
                case let other: return other
                }
            }
        } else if step["while"] != nil {
            while value(step["while"], names) != 0 {
                switch block(body, &names) {
                case .next, .again: continue
                case .leave: return .next
                case let other: return other
                }
            }
        } else if let branches = step["parallel"]?["branches"]?.arrayValue {
            for branch in branches {
                var inside = names
                _ = block(branch.arrayValue ?? [], &inside)
            }
        } else if let body = step["try"]?.arrayValue {
            var flow = block(body, &names)
            if case .failed = flow, let handler = step["catch"]?.arrayValue { flow = block(handler, &names) }
            if let cleanup = step["finally"]?.arrayValue, case .failed(let message) = block(cleanup, &names) {
                return .failed(message)
            }
            return flow
        }
        return .next
    }
}

/// Makes programs, the same ones from the same seed.
struct ProgramGenerator {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// A program that begins by giving each name a value.
    mutating func program() -> JSONValue {
        let start: JSONValue = ["set": ["a": 0, "b": 0, "c": 0, "item": 0, "l": [0, 1, 2]]]
        return .array(
            [start] + (steps(depth: 0, isInLoop: false, isInParallel: false, isInFinally: false).arrayValue ?? [])
        )
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    private mutating func name() -> String { pick(["a", "b", "c"]) }

    private mutating func expression() -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: String(Int.random(in: 0..<5, using: &random))
        case 1: pick(["a", "b", "c", "item"])
        default: "\(name()) \(pick(["+", "-", "<", "=="])) \(Int.random(in: 0..<4, using: &random))"
        }
    }

    private mutating func numeric() -> JSONValue {
        .string("=\(name()) \(pick(["+", "-"])) \(Int.random(in: 0..<4, using: &random))")
    }

    private mutating func steps(depth: Int, isInLoop: Bool, isInParallel: Bool, isInFinally: Bool) -> JSONValue {
        let count = Int.random(in: 1...4, using: &random)
        return .array(
            (0..<count).map { _ in
                step(depth: depth, isInLoop: isInLoop, isInParallel: isInParallel, isInFinally: isInFinally)
            }
        )
    }

    private mutating func step(depth: Int, isInLoop: Bool, isInParallel: Bool, isInFinally: Bool) -> JSONValue {
        func inner(loop: Bool? = nil, parallel: Bool = false, finally: Bool = false) -> (inout Self) -> JSONValue {
            { this in
                this.steps(
                    depth: depth + 1,
                    isInLoop: loop ?? isInLoop,
                    isInParallel: isInParallel || parallel,
                    isInFinally: isInFinally || finally
                )
            }
        }
        var step: JSONObject
        switch Int.random(in: 0..<(depth < 3 ? 20 : 12), using: &random) {
        case 0...2: step = ["set": .object([name(): numeric(), name(): numeric()])]
        case 3...4: step = ["output": .object([pick(["x", "y"]): numeric()])]
        case 5...6: step = ["log": numeric()]
        case 7 where !isInParallel: step = ["callSequence": "next", "with": ["x": numeric()], "as": .string(name())]
        case 8 where isInLoop: step = ["break": nil]
        case 9 where isInLoop: step = ["continue": nil]
        case 10 where !isInParallel && !isInFinally: step = ["return": pick([nil, numeric()])]
        case 11 where !isInParallel: step = ["fail": .string(pick(["one", "two"]))]
        case 12...13: step = ["if": .string(expression()), "then": inner()(&self), "else": inner()(&self)]
        case 14...15: step = ["forEach": "l", "do": inner(loop: true)(&self)]
        case 16:
            // Each depth has a counter of its own, which is advanced first, so that `continue` cannot hold the loop.
            let counter = "n\(depth)"
            let body = inner(loop: true)(&self).arrayValue ?? []
            return [
                "if": "1 == 1",
                "then": [
                    ["set": .object([counter: 0])],
                    [
                        "while": .string("\(counter) < 3"),
                        "do": .array([["set": .object([counter: .string("=\(counter) + 1")])]] + body),
                    ],
                ],
            ]
        case 17:
            step = ["parallel": ["branches": .array((0..<2).map { _ in inner(loop: false, parallel: true)(&self) })]]
        case 18...19:
            step = ["try": inner()(&self), "catch": inner()(&self)]
            if Bool.random(using: &random) { step["finally"] = inner(loop: false, finally: true)(&self) }
        default: step = ["log": numeric()]
        }
        if Int.random(in: 0..<3, using: &random) == 0 { step["when"] = .string(expression()) }
        return .object(step)
    }
}
