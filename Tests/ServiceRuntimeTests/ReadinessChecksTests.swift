import Testing

@testable import ServiceRuntime

@Suite struct ReadinessChecksTests {
    private struct Hidden: Error {
        let password = "hunter2"
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
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        checks.add("slow") {
            started.yield()
            for await _ in releases { return }
        }
        #expect(await checks.failures().map(\.check) == ["slow"])
        #expect(await checks.failures().map(\.check) == ["slow"])
        release.yield()
        release.finish()
        // Once the first attempt has ended, the next question starts another, which ends at once.
        while await !checks.failures().isEmpty {}
        started.finish()
        var count = 0
        for await _ in starts { count += 1 }
        #expect(count == 2)
    }
}
