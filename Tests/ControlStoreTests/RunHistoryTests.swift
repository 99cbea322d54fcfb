import Contracts
import Foundation
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

    @Test func `runs that are not done are counted by state`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let runs = try await control.make([.work(), .work(), .work(), .work()])
        _ = try await control.claim(run: runs[0], worker: "w", lease: lease)
        let failed = try #require(try await control.claim(run: runs[1], worker: "w", lease: lease))
        _ = try await control.finish(failed, .failed(Failure(code: "x", message: ""), holding: false))
        #expect(try await control.unfinishedRuns() == [.waiting: 2, .running: 1, .failed: 1, .uncertain: 0])
        await store.close()
    }

    @Test func `runs since a time are found, also where numbers and times are not in the same order`() async throws {
        let store = try await TestControl.make()
        let runs = try await store.control.make((0..<6).map { _ in .work() })
        // The last one got its number some minutes behind its time.
        for (run, minutes) in zip(runs, [600, 300, 60, 40, 30, 90]) {
            try await store.client.execute(
                """
                UPDATE runs SET created_at = now() - \(Double(minutes)) * interval '1 minute'
                WHERE id = \(UUID(uuidString: run))
                """
            )
        }
        var filter = RunFilter()
        filter.since = Date(timeIntervalSinceNow: -75 * 60)
        func found(_ filter: RunFilter, _ page: RunPage = .newest, limit: Int = 10) async throws -> [String?] {
            try await store.control.runs(filter, page, limit: limit).map { $0["id"]?.stringValue }
        }
        #expect(try await found(filter) == [runs[4], runs[3], runs[2]])
        #expect(try await found(filter, .after(0), limit: 2) == [runs[2], runs[3]])
        filter.state = .waiting
        #expect(try await found(filter) == [runs[4], runs[3], runs[2]])
        filter = RunFilter()
        filter.since = Date(timeIntervalSinceNow: 36_000)
        #expect(try await found(filter).isEmpty)
        filter.since = Date(timeIntervalSince1970: 0)
        #expect(try await found(filter).count == 6)
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
