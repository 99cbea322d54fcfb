import TestSupport
import Testing

extension SystemTests {
    /// Sessions, the network and the application's sleep at random, with the running system.
    @Suite(.timeLimit(.minutes(60))) struct SessionModelTests {
        @Test func `whatever ends and comes back, a live sync is where it should be, and says so`() async throws {
            let world = try await SessionWorld(SeededGenerator.announced())
            defer { world.network.close() }
            for _ in 0..<80 { try await world.step() }
            try await world.end()
        }
    }
}
