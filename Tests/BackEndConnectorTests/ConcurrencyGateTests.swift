import Synchronization
import TestSupport
import Testing

@testable import BackEndConnector

@Suite struct ConcurrencyGateTests {
    @Test func `no more than the limit run at once, and all run`() async throws {
        let gate = ConcurrencyGate(limit: 3, maximumWaiters: 1_000)
        let crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await gate.run(until: .now + .seconds(60)) {
                        crowd.enter()
                        await Task.yield()
                        crowd.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(crowd.most <= 3)
        #expect(crowd.left == 200)
    }

    /// Counts who is inside.
    private final class Crowd: Sendable {
        private let counts = Mutex((inside: 0, most: 0, left: 0))

        var most: Int { counts.withLock { $0.most } }
        var left: Int { counts.withLock { $0.left } }

        func enter() {
            counts.withLock { counts in
                counts.inside += 1
                counts.most = max(counts.most, counts.inside)
            }
        }

        func leave() {
            counts.withLock { counts in
                counts.inside -= 1
                counts.left += 1
            }
        }
    }

    @Test func `a connector has half of the process's places, with its line`() async throws {
        let lanes = ConnectorLanes(policy: .init(), places: 8)
        // By its own limit three may be under way and twelve in line.
        let lane = lanes.lane(of: ConnectorName(project: "p", connector: "c"), concurrency: 3)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let held = (0..<4).map { _ in
            Task {
                try await lane.gate.run(until: .now + .seconds(60)) { for await _ in releases { return } }
            }
        }
        try await eventually("one waits") { lane.gate.lineLength == 1 }
        await #expect(throws: ConcurrencyGate.Refusal.full) { try await lane.gate.run(until: .now + .seconds(60)) {} }
        release.finish()
        for task in held { try await task.value }
    }

    @Test func `whoever finds the line full is refused, and whoever waits too long leaves it`() async throws {
        let gate = ConcurrencyGate(limit: 1, maximumWaiters: 1)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await gate.run(until: .now + .seconds(60)) {
                enter.yield()
                for await _ in releases { return }
            }
        }
        for await _ in entered { break }
        // The one that waits is given up on; after that there is room in the line again.
        await #expect(throws: ConcurrencyGate.Refusal.late) { try await gate.run(until: .now + .milliseconds(20)) {} }
        let waiter = Task { try await gate.run(until: .now + .seconds(60)) {} }
        while gate.lineLength == 0 { await Task.yield() }
        await #expect(throws: ConcurrencyGate.Refusal.full) { try await gate.run(until: .now + .seconds(60)) {} }
        release.yield()
        try await holder.value
        try await waiter.value
        try await gate.run(until: .now + .seconds(60)) {}
    }

    @Test func `a task that is cancelled leaves the line`() async throws {
        let gate = ConcurrencyGate(limit: 1, maximumWaiters: 10)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await gate.run(until: .now + .seconds(60)) {
                enter.yield()
                for await _ in releases { return }
            }
        }
        for await _ in entered { break }
        let waiter = Task { try await gate.run(until: .now + .seconds(600)) {} }
        waiter.cancel()
        await #expect(throws: ConcurrencyGate.Refusal.late) { try await waiter.value }
        release.yield()
        try await holder.value
        try await gate.run(until: .now + .seconds(60)) {}
    }
}
