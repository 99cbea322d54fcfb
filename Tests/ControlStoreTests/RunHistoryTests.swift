import Contracts
import JSON
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// How a run is shown, and by which names it is found.
@Suite(.database) struct RunHistoryTests {
    private let lease = Duration.seconds(30)

    @Test func `a run has a duration in milliseconds once it has ended`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        #expect(try await control.run(id)?["duration"] == .null)
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        #expect(try await control.run(id)?["duration"] == .null)
        try await store.client.execute("UPDATE runs SET started_at = now() - interval '1500 milliseconds'")
        _ = try await control.finish(run, .succeeded)
        let shown = try #require(try await control.run(id))
        let duration = try #require(shown["duration"]?.intValue)
        #expect((1_500...60_000).contains(duration))
        #expect(shown["milliseconds"] == shown["duration"])
        let listed = try await control.runs(RunFilter(state: .succeeded), limit: 1).first
        #expect(listed?["duration"] == shown["duration"])
        await store.close()
    }

    @Test func `a run keeps its claim by whatever letters its id was written with`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let claimed = try #require(try await control.claim(run: id.uppercased(), worker: "w", lease: lease))
        var call = NewRun.work(cause: .call)
        call.id = call.id.uppercased()
        let begun = try #require(try await control.begin(call, worker: "w", lease: lease))
        let kept = try await control.renewClaims(of: "w", on: [claimed.id, begun.id], lease: lease)
        #expect(kept == [claimed.id, begun.id])
        #expect(claimed.id == id && begun.id == call.id.lowercased())
        await store.close()
    }
}
