import CouchProtocol
import Synchronization
import TestSupport
import Testing

@testable import ReplicationEndpoint

/// Deployments that wait for one another.
@Suite struct DeploymentLineTests {
    /// Somebody who has a turn for as long as the test wants.
    private final class Holder: Sendable {
        private let (began, beginning) = AsyncStream.makeStream(of: Void.self)
        private let (ended, ending) = AsyncStream.makeStream(of: Void.self)
        private let task: Task<Void, any Error>

        init(_ line: DeploymentLine) {
            let (beginning, ended) = (self.beginning, self.ended)
            task = Task {
                try await line.withTurn {
                    beginning.finish()
                    for await _ in ended {}
                }
            }
        }

        func hasBegun() async { for await _ in began {} }

        func end() async throws {
            ending.finish()
            try await task.value
        }
    }

    private final class Order: Sendable {
        private let state = Mutex<[Int]>([])

        var numbers: [Int] { state.withLock { $0 } }

        func add(_ number: Int) { state.withLock { $0.append(number) } }
    }

    @Test func `one has its turn at a time, in the order in which they came`() async throws {
        let line = DeploymentLine()
        let holder = Holder(line)
        await holder.hasBegun()
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask { try await line.withTurn { order.add(number) } }
                try await eventually("it waits") { line.count == number + 1 }
            }
            #expect(order.numbers.isEmpty)
            try await holder.end()
            try await group.waitForAll()
        }
        #expect(order.numbers == [0, 1, 2, 3])
        #expect(try await line.withTurn { line.count } == 0)
    }

    @Test func `who finds too many waiting is refused, and who fails lets the next one go on`() async throws {
        let line = DeploymentLine(limit: 1)
        let holder = Holder(line)
        await holder.hasBegun()
        let failing = Task { try await line.withTurn { throw CouchError.noDatabase } }
        try await eventually("it waits") { line.count == 1 }
        let refusal = await #expect(throws: CouchError.self) { try await line.withTurn {} }
        #expect(refusal?.status == 503)
        try await holder.end()
        await #expect(throws: CouchError.noDatabase) { try await failing.value }
        #expect(try await line.withTurn { 1 } == 1)
    }

    @Test func `who waits no more loses its place, and nobody else does`() async throws {
        let line = DeploymentLine()
        let holder = Holder(line)
        await holder.hasBegun()
        let leaving = Task { try await line.withTurn { Issue.record("its turn came") } }
        try await eventually("it waits") { line.count == 1 }
        let staying = Task { try await line.withTurn { 2 } }
        try await eventually("both wait") { line.count == 2 }
        leaving.cancel()
        await #expect(throws: CancellationError.self) { try await leaving.value }
        #expect(line.count == 1)
        try await holder.end()
        #expect(try await staying.value == 2)
    }
}
