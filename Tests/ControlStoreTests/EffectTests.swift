import Contracts
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

    @Test func `a run has one key for the turns of its loops at all attempts, and none when it is older than that`()
        async throws
    {
        let store = try await TestControl.make()
        let (first, second) = try await zombieAndHeir(store)
        let key = try #require(first.turnKey)
        #expect(second.turnKey == key)
        let call = NewRun.work(cause: .call)
        let begun = try #require(try await store.control.begin(call, worker: "w", lease: lease)?.turnKey)
        #expect(try await store.control.begin(call, worker: "x", lease: lease)?.turnKey == begun)
        #expect(begun != key)
        try await store.client.execute("UPDATE runs SET turn_key = NULL")
        try await store.expireClaim(of: first.id)
        let old = try #require(try await store.control.claim(run: first.id, worker: "w", lease: lease))
        #expect(old.turnKey == nil)
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
