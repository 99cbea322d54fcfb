import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

@Suite struct ReadinessChecksTests {
    private struct Hidden: Error {
        let password = "hunter2"
    }

    private final class Starts: Sendable {
        let count = Mutex(0)
    }

    @Test func `nothing to check is ready`() async {
        #expect(await ReadinessChecks().failures().isEmpty)
    }

    @Test func `every check that fails is told, in order, with its reason`() async {
        let checks = ReadinessChecks()
        checks.add("first") { throw NotReady("no connection") }
        checks.add("second") {}
        checks.add("third") { throw NotReady("no disk") }
        #expect(
            await checks.failures() == [
                ReadinessFailure(check: "first", reason: "no connection"),
                ReadinessFailure(check: "third", reason: "no disk"),
            ]
        )
    }

    @Test func `an error that is not ours is told by its type alone`() async {
        let checks = ReadinessChecks()
        checks.add("strange") { throw Hidden() }
        let failures = await checks.failures()
        #expect(failures.first?.reason == "failed with Hidden")
    }

    @Test func `a check that hangs fails, is not started twice, and is told when it passes`() async throws {
        let checks = ReadinessChecks(limit: .milliseconds(50))
        let starts = Starts()
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let (beginnings, begin) = AsyncStream.makeStream(of: Void.self)
        checks.add("slow") {
            starts.count.withLock { $0 += 1 }
            begin.yield()
            for await _ in releases { return }
        }
        #expect(await checks.failures().map(\.check) == ["slow"])
        #expect(await beginnings.first { true } != nil)
        #expect(await checks.failures().map(\.check) == ["slow"])
        #expect(starts.count.withLock { $0 } == 1)
        release.finish()
        try await eventually("it passes") { await checks.failures().isEmpty }
    }
}
