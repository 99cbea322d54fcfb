import ControlStore
import DocumentStore
import JSON
import Postgres

/// What a run changes about who is in which group.
///
/// A change is committed with the proof that the run is still this worker's: one that slept for long must not undo what
/// the run's next worker, or a later run, has said since.
struct RunMemberships: Sendable {
    let run: ClaimedRun
    let store: DocumentStore
    let control: ControlStore

    /// Puts a user into a group, or takes the user out, once for the step.
    ///
    /// - Returns: Whether that changed anything, also where an earlier attempt at the run did it.
    func set(_ user: String, in group: String, to isMember: Bool, step: String) async throws -> Bool {
        // What changed is what changed when it was first done, so that a repeated run goes the same way.
        if run.isRepeated, case .answered(let answer) = try await control.effect(of: run, step: step) {
            return answer.boolValue ?? false
        }
        let record: MembershipCompanion = { [run, control] isChanged, connection in
            let recorded = try await connection.execute(control.record(.bool(isChanged), of: run, step: step))
            guard recorded == 1 else { throw ClaimLost(run) }
        }
        let isChanged =
            try await isMember
            ? store.addMember(user, to: group, by: .sequence, with: record)
            : store.removeMember(user, from: group, by: .sequence, with: record)
        if isChanged { try await control.advanceAccessEpoch() }
        return isChanged
    }

    /// Makes these the groups that a login says the user is in.
    func set(groups: [String], ofLogin user: String) async throws {
        let areOthers = try await store.setGroups(
            Set(groups.map { ExactText($0) }),
            of: user,
            by: .login,
            with: { [run, control] _, connection in
                guard try await !connection.query(control.holding(run)).isEmpty else { throw ClaimLost(run) }
            }
        )
        if areOthers { try await control.advanceAccessEpoch() }
    }
}
