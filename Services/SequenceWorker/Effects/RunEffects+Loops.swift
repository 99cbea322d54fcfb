import ControlStore
import JSON
import Postgres
import Sequences

/// What the attempts at a run must know alike about its loops.
extension RunEffects {
    func haveSharedIDs(_ areShared: Bool, at site: CallSite) async throws -> Bool {
        // The loop has no effect of its own, so its place in the ledger is free.
        let step = site.path.key
        if run.isRepeated, case .answered = try await control.effect(of: run, step: step) { return true }
        guard areShared else { return false }
        let recorded = try await control.client.execute(control.record(true, of: run, step: step))
        guard recorded == 1 else { throw ClaimLost(run) }
        return true
    }
}
