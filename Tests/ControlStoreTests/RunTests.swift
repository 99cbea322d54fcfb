import Contracts
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// The life of a run: made, claimed, ended, told of again.
@Suite(.database) struct RunTests {
    private let lease = Duration.seconds(30)
    private let failure = Failure(code: "boom", message: "It broke.")

    @Test func `a run is claimed by one worker, and its end is kept`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let claimed = try await withThrowingTaskGroup(of: ClaimedRun?.self) { group in
            for worker in 0..<8 {
                group.addTask { try await control.claim(run: id, worker: "w\(worker)", lease: lease) }
            }
            return try await group.reduce(into: [ClaimedRun]()) { if let run = $1 { $0.append(run) } }
        }
        let run = try #require(claimed.first)
        #expect(claimed.count == 1)
        #expect(run.variables == ["x": 1])
        #expect(run.attempt == 1)
        #expect(try await control.finish(run, .succeeded) == [])
        #expect(try await store.state(of: id) == "succeeded")
        // Whoever did not learn of it writes it once more.
        #expect(try await control.finish(run, .succeeded) == [])
        #expect(try await control.finish(run, .failed(failure, holding: false)) == nil)
        #expect(try await store.state(of: id) == "succeeded")
        #expect(try await control.claim(run: id, worker: "w", lease: lease) == nil)
        #expect(try await control.claim(run: "no-such-run", worker: "w", lease: lease) == nil)
        await store.close()
    }

    @Test func `a run holds documents that are as deep as documents may be`() async throws {
        let store = try await TestControl.make()
        let deep = (0..<JSONLimits().depth).reduce(JSONValue.null) { value, _ in .array([value]) }
        let id = try #require(try await store.control.make([.work(variables: ["doc": [["v": deep]]])]).first)
        let run = try #require(try await store.control.claim(run: id, worker: "w", lease: lease))
        #expect(run.isReadable && run.variables["doc"] == [["v": deep]])
        #expect(try await store.client.execute(store.control.record([deep], of: run, step: "1")) == 1)
        guard case .answered(let answer) = try await store.control.effect(of: run, step: "1") else {
            Issue.record("The answer is not known.")
            return
        }
        #expect(answer == [deep])
        let failure = Failure(code: "boom", message: "It broke.", details: [[deep]])
        _ = try await store.control.finish(run, .failed(failure, holding: false))
        #expect(try await store.state(of: id) == "failed")
        await store.close()
    }

    @Test(arguments: ["no JSON", "[]", ""]) func `a run that cannot be read can be ended`(text: String) async throws {
        let store = try await TestControl.make()
        let id = try #require(try await store.control.make([.work(keys: ["k"])]).first)
        let younger = try #require(try await store.control.make([.work(keys: ["k"])]).first)
        try await store.client.execute(
            "UPDATE runs SET variables = \(Array(text.utf8)) WHERE id = \(UUID(uuidString: id))"
        )
        let run = try #require(try await store.control.claim(run: id, worker: "w", lease: lease))
        #expect(!run.isReadable && run.variables.isEmpty)
        #expect(try await store.control.finish(run, .failed(failure, holding: false)) == [younger])
        #expect(try await store.state(of: id) == "failed")
        await store.close()
    }

    @Test func `a worker that lost its claim changes nothing any more`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let zombie = try #require(try await control.claim(run: id, worker: "zombie", lease: lease))
        #expect(try await control.claim(run: id, worker: "heir", lease: lease) == nil)
        try await store.expireClaim(of: id)
        #expect(try await control.dueRuns(limit: 10, patience: lease) == [id])
        let heir = try #require(try await control.claim(run: id, worker: "heir", lease: lease))
        #expect(heir.attempt == 2)
        for end in [
            RunEnd.succeeded, .failed(failure, holding: false), .retry(failure, after: .zero),
            .uncertain(failure, holding: true),
        ] {
            #expect(try await control.finish(zombie, end) == nil)
        }
        #expect(try await control.renewClaims(of: "zombie", on: [id], lease: lease).isEmpty)
        try await control.giveBackClaims(of: "zombie")
        #expect(try await store.state(of: id) == "running")
        #expect(try await control.finish(heir, .succeeded) == [])
        await store.close()
    }

    @Test func `a run that is tried again waits for its time, and keeps its place in line`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make([.work(keys: ["k"]), .work(keys: ["k"])])
        let first = try #require(try await control.claim(run: ids[0], worker: "w", lease: lease))
        #expect(try await control.finish(first, .retry(failure, after: .seconds(3_600), isCounted: false)) == [])
        #expect(try await control.claim(run: ids[0], worker: "w", lease: lease) == nil)
        #expect(try await control.claim(run: ids[1], worker: "w", lease: lease) == nil)
        #expect(try await control.run(ids[0])?["error"]?["code"] == "boom")
        try await store.client.execute("UPDATE runs SET available_at = now(), nudge_at = now()")
        // The younger one is due as well, and stands behind.
        #expect(try await control.dueRuns(limit: 10, patience: lease) == [ids[0]])
        let again = try #require(try await control.claim(run: ids[0], worker: "w", lease: lease))
        #expect(again.attempt == 2 && again.uncounted == 1)
        #expect(try await control.finish(again, .succeeded) == [ids[1]])
        #expect(try await control.claim(run: ids[1], worker: "w", lease: lease) != nil)
        await store.close()
    }

    @Test func `a failed run holds the younger ones or lets them go`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        for (end, isHolding) in [
            (RunEnd.failed(failure, holding: false), false), (.failed(failure, holding: true), true),
            (.uncertain(failure, holding: true), true), (.uncertain(failure, holding: false), false),
        ] {
            let key = "k\(UUID())"
            let ids = try await control.make([.work(keys: [key]), .work(keys: [key])])
            let run = try #require(try await control.claim(run: ids[0], worker: "w", lease: lease))
            #expect(try await control.finish(run, end) == (isHolding ? [] : [ids[1]]))
            #expect(try await (control.claim(run: ids[1], worker: "w", lease: lease) == nil) == isHolding)
            guard isHolding else { continue }
            #expect(try await control.retryRun(ids[0]))
            let again = try #require(try await control.claim(run: ids[0], worker: "w", lease: lease))
            #expect(again.attempt == 1)
            #expect(try await control.finish(again, end) == [])
            #expect(try await control.cancelRun(ids[0])?.next == [ids[1]])
            #expect(try await control.claim(run: ids[1], worker: "w", lease: lease) != nil)
        }
        await store.close()
    }

    @Test func `what may happen once happens once, and a key stays free of runs that were not made`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let once = NewRun.work(keys: ["k"], dedupeKey: "change 1")
        let made = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<6 {
                group.addTask { try await control.make([.work(keys: ["k"], dedupeKey: "change 1"), once, once]) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(made.count == 1)
        let run = try #require(try await control.claim(run: made[0], worker: "w", lease: lease))
        #expect(try await control.finish(run, .succeeded) == [])
        // The same run made again, as by a listener whose commit's answer was lost.
        var same = NewRun.work(keys: ["k"])
        same.id = made[0]
        #expect(try await control.make([same]).isEmpty)
        #expect(try await store.scalar("SELECT count(*) FROM run_keys", as: Int64.self) == 0)
        await store.close()
    }

    @Test func `a run of which nobody heard is told of again, to one caller at a time`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make((0..<50).map { _ in .work() })
        #expect(
            try await store.scalar("SELECT count(*) FROM runs WHERE nudge_at < available_at + interval '10 s'") == 0
        )
        try await store.client.execute("UPDATE runs SET nudge_at = now()")
        let told = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 { group.addTask { try await control.dueRuns(limit: 20, patience: lease) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let rest = try await control.dueRuns(limit: 100, patience: lease)
        #expect((told + rest).sorted() == ids.sorted())
        #expect(try await control.dueRuns(limit: 100, patience: lease).isEmpty)
        await store.close()
    }

    @Test func `a worker that stops gives back what others can finish`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make([.work(), .work()])
        _ = try await control.claim(run: ids[0], worker: "w", lease: lease)
        _ = try await control.claim(run: ids[1], worker: "other", lease: lease)
        try await control.giveBackClaims(of: "w")
        #expect(try await store.state(of: ids[0]) == "waiting")
        #expect(try await store.state(of: ids[1]) == "running")
        #expect(try await control.dueRuns(limit: 10, patience: lease) == [ids[0]])
        await store.close()
    }

    @Test func `a call runs once, and one with secrets that lost its worker fails`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let call = NewRun.work(variables: nil, cause: .call)
        let first = try #require(try await control.begin(call, worker: "w", lease: lease))
        // It does not know that it has begun it, when the answer was lost.
        let again = try #require(try await control.begin(call, worker: "w", lease: lease))
        #expect(again.claim > first.claim && again.isRepeated)
        let second = try #require(try await control.begin(call, worker: "heir", lease: lease))
        #expect(try await control.finish(first, .succeeded) == nil)
        #expect(try await control.finish(again, .succeeded) == nil)
        try await store.client.execute("UPDATE runs SET claimed_until = now() - interval '1 hour', nudge_at = now()")
        #expect(try await control.dueRuns(limit: 10, patience: lease).isEmpty)
        #expect(try await control.claim(run: call.id, worker: "w", lease: lease) == nil)
        #expect(try await control.failAbandonedCalls() == 1)
        #expect(try await control.finish(second, .succeeded) == nil)
        #expect(!(try await control.retryRun(call.id)))
        #expect(try await store.state(of: call.id) == "failed")
        #expect(try await control.begin(call, worker: "w", lease: lease) == nil)
        await store.close()
    }

    @Test func `a call whose claim lapsed is left to whoever can answer it, for a time`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let (call, run) = (NewRun.work(cause: .call), NewRun.work())
        _ = try await control.make([run])
        _ = try #require(try await control.begin(call, worker: "w", lease: .zero))
        _ = try #require(try await control.claim(run: run.id, worker: "w", lease: .zero))
        #expect(try await control.dueRuns(limit: 10, patience: .zero) == [run.id])
        #expect(try await control.renewClaims(of: "w", on: [call.id, run.id], lease: .zero).count == 2)
        #expect(try await control.dueRuns(limit: 10, patience: .zero) == [run.id])
        try await store.client.execute("UPDATE runs SET nudge_at = nudge_at - interval '1 minute'")
        #expect(try await control.dueRuns(limit: 10, patience: .zero).count == 2)
        await store.close()
    }

    @Test func `a run of which nobody knows what it did is kept until a person has decided`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        _ = try await control.finish(run, .uncertain(failure, holding: true))
        #expect(try await control.pruneRuns(olderThan: .zero, limit: 10) == 0)
        #expect(try await control.cancelRun(id) != nil)
        #expect(try await control.pruneRuns(olderThan: .zero, limit: 10) == 1)
        await store.close()
    }

    @Test func `a run that is made as failed is nobody's, and holds up what it would have held up`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        for holds in [true, false] {
            var first = NewRun.work(keys: ["k"])
            first.failure = failure
            first.holds = holds
            let ids = try await control.make([first, .work(keys: ["k"])])
            #expect(try await control.claim(run: ids[0], worker: "w", lease: lease) == nil)
            #expect((try await control.claim(run: ids[1], worker: "w", lease: lease) == nil) == holds)
            #expect(try await control.run(ids[0])?["error"]?["code"] == .string(failure.code))
            for id in ids { _ = try await control.cancelRun(id) }
        }
        await store.close()
    }

    @Test func `history shows the newest first, by state, in pages, and forgets the old`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make((0..<5).map { _ in .work() })
        let run = try #require(try await control.claim(run: ids[2], worker: "w", lease: lease))
        _ = try await control.finish(run, .failed(failure, holding: false))
        let all = try await control.runs(RunFilter(), limit: 3)
        #expect(all.compactMap { $0["id"]?.stringValue } == Array(ids.reversed().prefix(3)))
        let rest = try await control.runs(RunFilter(), .before(try #require(all.last?["number"]?.intValue)), limit: 9)
        #expect(rest.compactMap { $0["id"]?.stringValue } == Array(ids.reversed().suffix(2)))
        #expect(try await control.runs(RunFilter(state: .failed), limit: 9).map { $0["id"] } == [.string(ids[2])])
        #expect(try await control.runs(RunFilter(state: .running), limit: 9).isEmpty)
        #expect(try await control.pruneRuns(olderThan: .seconds(60), limit: 10) == 0)
        #expect(try await control.pruneRuns(olderThan: .zero, limit: 10) == 1)
        #expect(try await control.run(ids[2]) == nil)
        await store.close()
    }
}
