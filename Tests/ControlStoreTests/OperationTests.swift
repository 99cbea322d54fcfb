import Contracts
import Foundation
import JSON
import Projects
import TestSupport
import Testing

@testable import ControlStore

/// What operators do with listeners, jobs and runs.
@Suite(.database) struct OperationTests {
    private let lease = Duration.seconds(30)

    @Test func `a run that is cancelled under a worker is that worker's no more, and frees its documents`() async throws
    {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make([.work(keys: ["a"]), .work(keys: ["a"])])
        let run = try #require(try await control.claim(run: ids[0], worker: "w", lease: lease))
        #expect(try await control.renewClaims(of: "w", on: [ids[0]], lease: lease) == [ids[0]])
        let cancelled = try #require(try await control.cancelRun(ids[0]))
        #expect(cancelled.next == [ids[1]] && cancelled.claim > run.claim)
        #expect(try await control.renewClaims(of: "w", on: [ids[0]], lease: lease).isEmpty)
        #expect(try await control.finish(run, .succeeded) == nil)
        await #expect(throws: ClaimLost.self) { try await control.noteAttempt(of: run, step: "1") }
        #expect(try await store.state(of: ids[0]) == "cancelled")
        #expect(try await control.cancelRun(ids[0]) == nil)
        #expect(try await control.claim(run: ids[1], worker: "w", lease: lease) != nil)
        await store.close()
    }

    @Test func `workers that are lost with a run are counted, and a person begins anew`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        var losses: [Int] = []
        for worker in 0..<3 {
            let run = try #require(try await control.claim(run: id, worker: "w\(worker)", lease: lease))
            losses.append(run.losses)
            try await store.expireClaim(of: id)
        }
        #expect(losses == [0, 1, 2])
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        _ = try await control.finish(run, .failed(Failure(code: "worker_lost", message: ""), holding: false))
        #expect(try await control.retryRun(id))
        #expect(try await control.claim(run: id, worker: "w", lease: lease)?.losses == 0)
        await store.close()
    }

    @Test func `a person who saw that an effect happened gives its answer, and the run goes on with it`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        #expect(!(try await control.resolveRun(id, answer: [:])))
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        try await control.noteAttempt(of: run, step: "3")
        _ = try await control.finish(
            run,
            .uncertain(Failure(code: "timeout", message: "", effect: .unknown), holding: true)
        )
        #expect(try await control.resolveRun(id, answer: ["number": 7]))
        let again = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        guard case .answered(let answer) = try await control.effect(of: again, step: "3") else {
            Issue.record("the effect has no answer")
            return
        }
        #expect(answer == ["number": 7])
        await store.close()
    }

    @Test func `one answer is not taken for that of several effects`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        for step in ["3", "4"] { try await control.noteAttempt(of: run, step: step) }
        _ = try await control.finish(
            run,
            .uncertain(Failure(code: "timeout", message: "", effect: .unknown), holding: true)
        )
        #expect(!(try await control.resolveRun(id, answer: ["number": 7])))
        #expect(try await store.state(of: id) == "uncertain")
        await store.close()
    }

    @Test func `an effect that nobody knows of is attempted anew only when a person knew of it`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let failure = Failure(code: "boom", message: "")
        for (end, isForgotten) in [
            (RunEnd.failed(failure, holding: false), false), (.cancelled(failure), false),
            (.uncertain(failure, holding: true), true),
        ] {
            let id = try #require(try await control.make([.work()]).first)
            let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
            try await control.noteAttempt(of: run, step: "3")
            _ = try await control.finish(run, end)
            #expect(try await control.retryRun(id))
            let again = try #require(try await control.claim(run: id, worker: "w", lease: lease))
            switch try await control.effect(of: again, step: "3") {
            case .none: #expect(isForgotten)
            case .attempted: #expect(!isForgotten)
            case .answered: Issue.record("nobody has answered")
            }
        }
        await store.close()
    }

    @Test func `what holds its documents says so itself`() async throws {
        let store = try await TestControl.make()
        var holding = NewRun.work()
        holding.holds = true
        let ids = try await store.control.make([holding, .work()])
        #expect(try await store.control.claim(run: ids[0], worker: "w", lease: lease)?.holds == true)
        #expect(try await store.control.claim(run: ids[1], worker: "w", lease: lease)?.holds == false)
        await store.close()
    }

    @Test func `a follower that is sent back begins there, and what it had in hand does not count`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let name = Lease.name(of: "f", in: "db")
        let held = try #require(try await control.acquireLease(name, holder: "a", for: lease))
        try await control.advance("f", in: "db", to: Position(incarnation: "i", seq: 9), under: held)
        try await control.rewind("f", in: "db", to: Position(incarnation: "i", seq: 2))
        await #expect(throws: LeaseLost.self) {
            try await control.advance("f", in: "db", to: Position(incarnation: "i", seq: 10), under: held)
        }
        // The same process notices, too.
        let next = try #require(try await control.acquireLease(name, holder: "a", for: lease))
        #expect(next.token > held.token)
        #expect(try await control.position(of: "f", in: "db") == Position(incarnation: "i", seq: 2))
        try await control.rewind("new", in: "db", to: Position(incarnation: "i", seq: 4))
        #expect(try await control.position(of: "new", in: "db") == Position(incarnation: "i", seq: 4))
        await store.close()
    }

    @Test func `a pause is kept with who wanted it, once, and ends`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        try await control.pause(.listener, "l", of: "p", by: "ada")
        try await control.pause(.listener, "l", of: "p", by: "bob")
        try await control.pause(.job, "l", of: "p", by: "bob")
        #expect(try await control.pauses(.listener).map(\.by) == ["ada"])
        try await control.resumeListener("l", of: "p")
        #expect(try await control.pauses(.listener).isEmpty)
        #expect(try await control.pauses(.job).map(\.name) == ["l"])
        await store.close()
    }

    @Test func `what a job would have fired in its pause was not missed`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let long = Date(timeIntervalSince1970: 1_000)
        try await store.makeLive(job: "p/j")
        _ = try await control.fire(job: "p/j", [], after: nil, until: long)
        try await control.resumeJob("j", of: "p")
        #expect(try await control.decidedUntil(job: "p/j") == long)
        try await control.pause(.job, "j", of: "p", by: "ada")
        try await control.resumeJob("j", of: "p")
        let decided = try #require(try await control.decidedUntil(job: "p/j"))
        #expect(decided > Date(timeIntervalSince1970: 1_000_000_000))
        await store.close()
    }

    @Test func `a listener's open runs are its own, whatever project their sequence is of`() async throws {
        let store = try await TestControl.make()
        func run(_ cause: RunCause, _ source: String, of project: String) -> NewRun {
            var run = NewRun(project: "shared", sequence: "s", cause: cause, variables: [:], traceID: "t")
            (run.source, run.sourceProject) = (source, project)
            return run
        }
        _ = try await store.control.make([
            run(.listener, "l", of: "p"), run(.listener, "l", of: "p"), run(.listener, "l", of: "q"),
            run(.listener, "other", of: "p"), run(.schedule, "l", of: "p"),
        ])
        #expect(try await store.control.openRuns(project: "p", listener: "l") == [.waiting: 2])
        #expect(try await store.control.openRuns(project: "q", listener: "l") == [.waiting: 1])
        #expect(try await store.control.openRuns(project: "shared", listener: "l").isEmpty)
        await store.close()
    }

    @Test func `a job that is fired by hand has its policy, and a place in the history`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let job = try Self.job("overlap: skip")
        let run = try #require(try await control.fireNow(job, of: "shop"))
        #expect(try await control.fireNow(job, of: "shop") == nil)
        let claimed = try #require(try await control.claim(run: run, worker: "w", lease: lease))
        _ = try await control.finish(claimed, .succeeded)
        #expect(try await control.fireNow(job, of: "shop") != nil)
        let history = try await control.firings(ofJob: "j", of: "shop", limit: 10)
        #expect(history.map { $0.run?["state"] } == ["waiting", "succeeded"])
        let both = try Self.job("overlap: allow")
        #expect(try await control.fireNow(both, of: "shop") != nil)
        await store.close()
    }

    private static func job(_ text: String) throws -> Job {
        let files = [
            "project.yaml": "project: shop\n", "sequences/work.yaml": "steps: []\n",
            "jobs/j.yaml": "sequence: work\nschedule: {every: 1h}\n\(text)\n",
        ]
        return try #require(try Project.read(files) { _ in nil }.jobs["j"])
    }
}
