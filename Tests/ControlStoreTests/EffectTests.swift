import Contracts
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// The ledger of what runs did.
@Suite(.database) struct EffectTests {
    private let lease = Duration.seconds(30)

    private func isNone(_ effect: RecordedEffect) -> Bool { if case .none = effect { true } else { false } }
    private func isAttempted(_ effect: RecordedEffect) -> Bool { if case .attempted = effect { true } else { false } }
    private func answer(_ effect: RecordedEffect) -> JSONValue? {
        if case .answered(let value) = effect { value } else { nil }
    }

    /// Two claims of one run, the first of which was lost.
    private func zombieAndHeir(_ store: TestControl) async throws -> (ClaimedRun, ClaimedRun) {
        let id = try #require(try await store.control.make([.work()]).first)
        let zombie = try #require(try await store.control.claim(run: id, worker: "zombie", lease: lease))
        try await store.expireClaim(of: id)
        return (zombie, try #require(try await store.control.claim(run: id, worker: "heir", lease: lease)))
    }

    @Test func `an effect is attempted, answered and known to the next attempt`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let id = try #require(try await control.make([.work()]).first)
        let run = try #require(try await control.claim(run: id, worker: "w", lease: lease))
        #expect(isNone(try await control.effect(of: run, step: "1")))
        try await control.noteAttempt(of: run, step: "1")
        try await control.noteAttempt(of: run, step: "1")
        #expect(isAttempted(try await control.effect(of: run, step: "1")))
        try await control.forgetAttempt(of: run, step: "1")
        #expect(isNone(try await control.effect(of: run, step: "1")))
        #expect(try await store.client.execute(control.record(["ok": true], of: run, step: "1")) == 1)
        #expect(try await store.client.execute(control.record(["ok": false], of: run, step: "1")) == 0)
        try await control.forgetAttempt(of: run, step: "1")
        #expect(answer(try await control.effect(of: run, step: "1")) == ["ok": true])
        await store.close()
    }

    @Test func `a run has one key for the turns of its loops at all attempts`() async throws {
        let store = try await TestControl.make()
        let (first, second) = try await zombieAndHeir(store)
        let key = try #require(first.turnKey)
        #expect(second.turnKey == key)
        let call = NewRun.work(cause: .call)
        let begun = try #require(try await store.control.begin(call, worker: "w", lease: lease)?.turnKey)
        #expect(try await store.control.begin(call, worker: "x", lease: lease)?.turnKey == begun)
        #expect(begun != key)
        await store.close()
    }

    @Test func `a run that a worker of before has begun goes on by numbers, whoever made it`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let ids = try await control.make([.work(), .work(), .work()])
        // As that worker claims it, which knows no keys.
        try await store.client.execute(
            """
            UPDATE runs SET state = 'running', attempts = attempts + 1, claim = claim + 1, claimed_by = 'old',
                claimed_until = now() - interval '1 second', started_at = now()
            WHERE id = \(UUID(uuidString: ids[0]))
            """
        )
        let heir = try #require(try await control.claim(run: ids[0], worker: "new", lease: lease))
        #expect(heir.claim == 2 && heir.turnKey == nil)
        // Nor does it get a key when a person has it tried from the beginning.
        _ = try await control.finish(heir, .failed(Failure(code: "boom", message: ""), holding: false))
        #expect(try await control.retryRun(ids[0]))
        let again = try #require(try await control.claim(run: ids[0], worker: "new", lease: lease))
        #expect(again.attempt == 1 && again.turnKey == nil)
        // One that nobody has begun does, also when it was cancelled before.
        #expect(try await control.cancelRun(ids[1]) != nil)
        #expect(try await control.retryRun(ids[1]))
        #expect(try await control.claim(run: ids[1], worker: "new", lease: lease)?.turnKey != nil)
        #expect(try await control.claim(run: ids[2], worker: "new", lease: lease)?.turnKey != nil)
        await store.close()
    }

    @Test func `a call that a worker of before has begun goes on by numbers, too`() async throws {
        let store = try await TestControl.make()
        let call = NewRun.work(cause: .call)
        _ = try await store.control.begin(call, worker: "old", lease: lease)
        try await store.client.execute("UPDATE runs SET turn_key = NULL")
        let heir = try #require(try await store.control.begin(call, worker: "new", lease: lease))
        #expect(heir.claim == 2 && heir.turnKey == nil)
        await store.close()
    }

    @Test func `what was attempted and not answered is known by its steps, until it is decided`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let (_, run) = try await zombieAndHeir(store)
        for step in ["1", "2", "3"] { try await control.noteAttempt(of: run, step: step) }
        #expect(try await store.client.execute(control.record(true, of: run, step: "1")) == 1)
        try await control.forgetAttempt(of: run, step: "3")
        #expect(try await control.unansweredSteps(of: run, limit: 10) == ["2"])
        _ = try await control.finish(run, .uncertain(Failure(code: "x", message: ""), holding: false))
        #expect(try await control.resolveRun(run.id, answer: 1))
        #expect(try await control.unansweredSteps(of: run, limit: 10).isEmpty)
        await store.close()
    }

    @Test func `a worker that lost its claim records, notes and forgets nothing`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let (zombie, heir) = try await zombieAndHeir(store)
        await #expect(throws: ClaimLost.self) { try await control.noteAttempt(of: zombie, step: "1") }
        try await control.noteAttempt(of: heir, step: "1")
        try await control.forgetAttempt(of: zombie, step: "1")
        #expect(isAttempted(try await control.effect(of: heir, step: "1")))
        #expect(try await store.client.execute(control.record("zombie", of: zombie, step: "1")) == 0)
        #expect(try await store.client.execute(control.record("heir", of: heir, step: "1")) == 1)
        #expect(answer(try await control.effect(of: heir, step: "1")) == "heir")
        await store.close()
    }

    @Test func `of a zombie and its heir that commit the effect at once exactly one does`() async throws {
        let store = try await TestControl.make()
        let other = try TestControl.connect()
        try await store.client.execute("CREATE TABLE done (run text)")
        for round in 0..<20 {
            let (zombie, heir) = try await zombieAndHeir(store)
            let runs = round.isMultiple(of: 2) ? [(store, zombie), (other, heir)] : [(other, heir), (store, zombie)]
            await withTaskGroup(of: Void.self) { group in
                for (store, run) in runs {
                    group.addTask {
                        _ = try? await store.client.transaction(attempts: 1) { connection in
                            let rows = try await connection.pipeline([
                                "INSERT INTO done VALUES (\(run.id))", store.control.record(1, of: run, step: "s"),
                            ])
                            guard rows[1].affected == 1 else { throw NoRow() }
                        }
                    }
                }
            }
            #expect(try await store.scalar("SELECT count(*) FROM done WHERE run = \(heir.id)", as: Int64.self) == 1)
        }
        await store.close()
        await other.close()
    }
}
