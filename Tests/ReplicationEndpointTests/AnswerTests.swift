import Contracts
import JSON
import Schedules
import Sequences
import Testing

@testable import ReplicationEndpoint

/// How calls of sequences are answered.
@Suite struct AnswerTests {
    @Test func `what a back end said is for administrators`() {
        let failure = Failure(
            code: "http_status",
            message: "The back end answered 500.",
            details: [
                "details": ["status": 500, "body": "stack trace of ann", "message": "Key (user)=(ann)"],
                "sequence": "p/s", "step": "1", "file": "sequences/s.yaml", "line": 3,
            ]
        )
        #expect(
            failure.publicDetails == ["sequence": "p/s", "step": "1", "line": 3, "details": ["status": 500]]
        )
        #expect(Failure(code: "no_answer", message: "").publicDetails == [:])
    }

    private static func key(
        version: Int = 1,
        variables: JSONObject = ["a": 1, "b": 2],
        caller: CallerIdentity = CallerIdentity(user: "ann", groups: ["x", "y"]),
        _ caching: (inout SequenceDefinition.Caching) -> Void = { _ in }
    ) -> AnswerCache.Key {
        let position = SourcePosition(file: "f", line: 1, column: 1)
        var rule = SequenceDefinition.Caching(
            end: .after(.seconds(1)),
            isShared: false,
            variables: nil,
            position: position
        )
        caching(&rule)
        let definition = SequenceDefinition(project: "p", name: "s", body: StepBlock(steps: []), position: position)
        return AnswerCache.Key(rule, definition, version: version, variables: variables, caller: caller)
    }

    @Test func `calls are told apart by version, variables and caller`() {
        let key = Self.key()
        let same = CallerIdentity(user: "ann", groups: ["y", "x"])
        #expect(Self.key(variables: ["b": 2, "a": 1.0], caller: same) == key)
        #expect(Self.key(version: 2) != key)
        #expect(Self.key(variables: ["a": 1, "b": 3]) != key)
        for caller in [
            CallerIdentity(user: "bob", groups: ["x", "y"]), CallerIdentity(user: "ann", groups: ["x"]), .nobody,
            CallerIdentity(isAdministrator: true), CallerIdentity(user: "ann", groups: ["x", "y"], session: "s"),
        ] {
            #expect(Self.key(caller: caller) != key)
            #expect(Self.key(caller: caller) { $0.isShared = true } == Self.key { $0.isShared = true })
        }
        #expect(Self.key(variables: ["a": 1, "b": 3]) { $0.variables = ["a"] } == Self.key { $0.variables = ["a"] })
        #expect(Self.key(variables: ["a": 2]) { $0.variables = ["a"] } != Self.key { $0.variables = ["a"] })
    }

    @Test func `an answer may last until the next time of a schedule`() throws {
        let now = try #require(Timestamp("2026-03-29T00:30:00Z"))
        var caching = SequenceDefinition.Caching(
            end: .after(.seconds(90)),
            isShared: false,
            variables: nil,
            position: SourcePosition(file: "f", line: 1, column: 1)
        )
        #expect(caching.lifetime(from: now) == .seconds(90))
        // Three o'clock in Paris comes an hour sooner in the night in which summer time begins.
        caching.end = .next(try CronExpression("0 3 * * *"), in: try #require(Zone("Europe/Paris")))
        #expect(caching.lifetime(from: now) == .seconds(1_800))
        caching.end = .next(try CronExpression("0 3 * * MON"), in: .utc)
        #expect(caching.lifetime(from: now) == .seconds(26 * 3_600 + 1_800))
    }

    @Test func `an answer is given for its time, and no more are kept than there is room for`() {
        let cache = AnswerCache(limit: 16_000)
        let now = ContinuousClock.now
        func entry(_ text: String, until: ContinuousClock.Instant) -> AnswerCache.Entry {
            AnswerCache.Entry(body: .string(text), head: AnswerHead(), run: "r", made: now, until: until)
        }
        let keys = (1...40).map { Self.key(version: $0) }
        cache.keep(entry("x", until: now + .seconds(10)), for: keys[0])
        #expect(cache.entry(for: keys[0], at: now + .seconds(9))?.body == "x")
        #expect(cache.entry(for: keys[0], at: now + .seconds(10)) == nil)
        #expect(cache.entry(for: keys[1], at: now) == nil)
        cache.keep(entry(String(repeating: "y", count: 800), until: now + .seconds(10)), for: keys[2])
        #expect(cache.entry(for: keys[2], at: now) == nil, "one answer would take a good part of the room")
        for key in keys { cache.keep(entry(String(repeating: "z", count: 90), until: now + .seconds(10)), for: key) }
        #expect(cache.entry(for: keys[39], at: now) != nil)
        #expect(keys.count { cache.entry(for: $0, at: now) != nil } <= 16_000 / 600)
    }
}
