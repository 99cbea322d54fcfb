import DocumentStore
import Postgres
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// How many queries may keep a connection while they wait for scripts.
@Suite(.timeLimit(.minutes(10))) struct ScriptedReadsTests {
    @Test func `so many go on at once, the others one after the other, and none for who has left`() async throws {
        let reads = ScriptedReads(limit: 2)
        let events = AsyncStream<String>.makeStream()
        var iterator = events.stream.makeAsyncIterator()
        func begin(_ name: String) -> (task: Task<Void, any Error>, gate: AsyncStream<Never>.Continuation) {
            let (gate, opening) = AsyncStream<Never>.makeStream()
            let task = Task {
                try await reads.run {
                    events.continuation.yield(name)
                    for await _ in gate {}
                    try Task.checkCancellation()
                }
            }
            return (task, opening)
        }
        let first = begin("first")
        #expect(await iterator.next() == "first")
        let second = begin("second")
        #expect(await iterator.next() == "second")
        var waiting: [(task: Task<Void, any Error>, gate: AsyncStream<Never>.Continuation)] = []
        for (place, name) in ["third", "fourth", "fifth"].enumerated() {
            waiting.append(begin(name))
            try await eventually("\(name) stands in line") { await reads.waiting.count == place + 1 }
        }
        waiting[0].task.cancel()
        await #expect(throws: CancellationError.self) { try await waiting[0].task.value }
        first.gate.finish()
        try await first.task.value
        #expect(await iterator.next() == "fourth")
        // One that fails hands its turn on, too.
        second.task.cancel()
        await #expect(throws: CancellationError.self) { try await second.task.value }
        #expect(await iterator.next() == "fifth")
        for begun in waiting.dropFirst() {
            begun.gate.finish()
            try await begun.task.value
        }
        try await reads.run {}
    }

    @Test(.database) func `queries that wait for scripts leave connections to others`() async throws {
        try await TestIndexes.with { test in
            try await test.put((0..<600).map { ("d\($0)", "{}") })
            let map = "function (doc) { emit(1, 1) }"
            let count = "function (keys, values, rereduce) { return rereduce ? sum(values) : values.length }"
            let index = try await test.index(try test.view(map, reduce: count))
            try await test.indexes.refreshBlocks(of: index)
            let stuck = TestIndexes(
                store: test.store,
                indexes: test.indexes,
                database: test.database,
                // They never run, so that who asks them waits.
                scripts: ScriptHostPool(
                    executable: Executables.path("script-host"),
                    hosts: 1,
                    limits: .patient,
                    logger: test.indexes.logger
                )
            )
            let same = try await stuck.index(try stuck.view(map, reduce: count), isFresh: false)
            #expect(same.id == index.id)
            // Within the rows of a key no block is of use, and the rows are so many that they are reduced on the way.
            let range = KeyRange(lower: KeyBound(key: try CollationKeys.of("1"), id: "a"))
            let connections = test.store.client.configuration.maximumConnections
            let queries = (0..<2 * connections).map { _ in Task { try await stuck.groups(same, .exact, range) } }
            try await eventually("all have come as far as they can") {
                await test.indexes.scriptedReads.waiting.count == queries.count - connections / 2
            }
            #expect(try await test.rows(index, page: 1_000).count == 600, "another query is answered")
            for query in queries { query.cancel() }
            for query in queries { await #expect(throws: (any Error).self) { try await query.value } }
            #expect(try await test.groups(index, .exact, range) == ["1=600"])
        }
    }
}
