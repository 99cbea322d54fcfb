import JSON
import Sequences
import TestSupport
import Testing

/// Random programs that are interrupted: nothing happens behind the interruption, whatever `catch` and `finally` say.
@Suite struct InterruptionTests {
    private static let called = try? SequenceDefinition(
        "next",
        steps: [["fail": "three", "when": "x == 3"], ["log": "=x"], ["return": "=x + 1"]],
        variables: [VariableDefinition(name: "x")]
    )

    /// What a program did, and how it ended.
    private struct Course {
        let events: [RecordingEffects.Event]
        let error: (any Error)?

        var failure: SequenceFailure? { error as? SequenceFailure }

        init(
            _ program: JSONValue,
            limits: InterpreterLimits = InterpreterLimits(),
            interruption: @escaping @Sendable (RecordingEffects) -> Void = { _ in }
        ) async throws {
            let effects = RecordingEffects()
            effects.afterEvent = interruption
            let called = try #require(InterruptionTests.called)
            // A task of its own, which can be cancelled alone.
            let task = Task { try await run(program, calling: [called], limits: limits, effects: effects) }
            let result = await task.result
            events = effects.events
            if case .failure(let error) = result { self.error = error } else { error = nil }
        }
    }

    /// Programs without `parallel`, whose effects have one order, that do at least three things.
    private static func programs(seed: UInt64, count: Int) async throws -> [(program: JSONValue, whole: Course)] {
        var generator = ProgramGenerator(seed: seed)
        var programs: [(JSONValue, Course)] = []
        while programs.count < count {
            let program = generator.program()
            guard !program.text.contains("parallel") else { continue }
            let whole = try await Course(program)
            if whole.events.count >= 3 { programs.append((program, whole)) }
        }
        return programs
    }

    @Test(arguments: [UInt64](1...4))
    func `a run that is cancelled does nothing more, and is no failure that can be caught`(seed: UInt64) async throws {
        for (program, whole) in try await Self.programs(seed: seed, count: 10) {
            for place in 1..<whole.events.count {
                let course = try await Course(program) { effects in
                    if effects.events.count == place { withUnsafeCurrentTask { $0?.cancel() } }
                }
                let comment = Comment(rawValue: "seed \(seed), cancelled at \(place): \(program.text)")
                #expect(course.events == Array(whole.events.prefix(place)), comment)
                #expect(course.error is CancellationError, comment)
            }
        }
    }

    @Test(arguments: [UInt64](5...8))
    func `a run whose time is over does nothing more`(seed: UInt64) async throws {
        for (program, whole) in try await Self.programs(seed: seed, count: 10) {
            for place in 1..<whole.events.count {
                let course = try await Course(program) { effects in
                    if effects.events.count == place { effects.advance(by: .seconds(61)) }
                }
                let comment = Comment(rawValue: "seed \(seed), late at \(place): \(program.text)")
                #expect(course.events == Array(whole.events.prefix(place)), comment)
                #expect(course.failure?.code == .timeout, comment)
            }
        }
    }

    @Test(arguments: [UInt64](9...12))
    func `a run that is out of steps does nothing more, and with one more step it goes on`(seed: UInt64) async throws {
        for (program, whole) in try await Self.programs(seed: seed, count: 5) {
            var before = 0
            for steps in 1...200 {
                var limits = InterpreterLimits()
                limits.steps = steps
                let course = try await Course(program, limits: limits)
                let comment = Comment(rawValue: "seed \(seed), \(steps) steps: \(program.text)")
                #expect(course.events == Array(whole.events.prefix(course.events.count)), comment)
                #expect(course.events.count >= before, comment)
                before = course.events.count
                guard course.failure?.code == .limit else {
                    #expect(course.events == whole.events, comment)
                    #expect(course.failure == whole.failure, comment)
                    break
                }
            }
        }
    }

    @Test(arguments: [UInt64](13...16))
    func `a failure names the sequence, the step and the line of what failed first`(seed: UInt64) async throws {
        var generator = ProgramGenerator(seed: seed)
        var failures = 0
        for _ in 0..<100 where failures < 20 {
            let program = generator.program()
            let course = try await Course(program)
            guard let failure = course.failure else { continue }
            failures += 1
            let location = try #require(failure.location, "\(program.text)")
            #expect(location.sequence == (failure.message == "three" ? "project/next" : "project/test"))
            #expect(location.position.file == "test.yaml" && location.position.line > 0)
            #expect(!location.path.description.isEmpty)
        }
        #expect(failures >= 5)
    }
}
