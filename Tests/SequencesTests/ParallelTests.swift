import JSON
import Sequences
import Synchronization
import Testing

@Suite struct ParallelTests {
    @Test func `branches keep their names to themselves and give their outputs in order`() async throws {
        let answer = try await run([
            ["set": ["x": 0]],
            [
                "parallel": [
                    "branches": [
                        [["set": ["x": 1]], ["output": ["a": "=x", "last": 1]]],
                        [["output": ["b": "=x", "last": 2]]],
                    ]
                ]
            ],
            ["output": ["x": "=x"]],
        ])
        #expect(answer.value == ["a": 1, "last": 2, "b": 0, "x": 0])
    }

    @Test func `no more branches than the limit run at once, and that many do`() async throws {
        let gauge = Mutex((now: 0, most: 0))
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let arrivals = Mutex(0)
        let effects = RecordingEffects { _, _, _ in
            gauge.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            defer { gauge.withLock { $0.now -= 1 } }
            // The first two wait for each other, which ends only if they run at the same time.
            let number = arrivals.withLock {
                $0 += 1
                return $0
            }
            if number == 2 { continuation.finish() }
            if number == 1 { for await _ in stream {} }
            return nil
        }
        let branch: JSONValue = [["callTransaction": "a.b"], ["callTransaction": "a.c"]]
        _ = try await run(
            [["parallel": ["limit": 2, "branches": [branch, branch, branch, branch, branch]]]],
            effects: effects
        )
        #expect(gauge.withLock { $0.most } == 2)
        #expect(effects.events.count == 10)
        #expect(Set(effects.events.map(\.path)).count == 10)
    }

    @Test func `a failing branch stops the others between steps, and never within one`() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let finished = Mutex(false)
        let effects = RecordingEffects { reference, _, _ in
            if reference.transaction == "fails" {
                // Only once the other branch is in the midst of its effect.
                for await _ in stream {}
                throw SequenceFailure(code: "broken", message: "broken")
            }
            continuation.finish()
            for _ in 0..<100 { await Task.yield() }
            try Task.checkCancellation()
            finished.withLock { $0 = true }
            return nil
        }
        let failure = try await failure(
            of: [
                [
                    "parallel": [
                        "branches": [
                            [
                                ["callTransaction": "a.works"],
                                ["while": "true", "do": [["set": ["x": 1]]], "max": 1_000_000],
                            ],
                            [["callTransaction": "a.fails"]],
                        ]
                    ]
                ]
            ],
            effects: effects
        )
        #expect(failure.code == "broken")
        #expect(failure.location?.path.description == "1.branch2.1")
        #expect(finished.withLock { $0 })
    }

    @Test func `a branch cannot change who is authenticated, not even by a call`() async throws {
        let login = try SequenceDefinition("login", steps: [["setAuthenticatedUser": "anna"]])
        let failure = try await failure(
            of: [["parallel": ["branches": [[["callSequence": "login"]]]]]],
            calling: [login]
        )
        #expect(failure.code == .invalidValue)
    }

    @Test func `a called sequence in a branch may return`() async throws {
        let called = try SequenceDefinition("called", steps: [["return": 3]])
        let answer = try await run(
            [["parallel": ["branches": [[["callSequence": "called", "as": "r"], ["output": ["r": "=r"]]]]]]],
            calling: [called]
        )
        #expect(answer.value == ["r": 3])
    }
}
