import Contracts
import Foundation
import JSON
import Postgres

extension ControlStore {
    /// Takes a run in hand, when it is ready: its time has come, no one else has it, and no older run that shares a
    /// key with it is unfinished.
    ///
    /// - Returns: Nil when it is not ready, or does not exist.
    package func claim(run id: String, worker: String, lease: Duration) async throws -> ClaimedRun? {
        guard let uuid = UUID(uuidString: id) else { return nil }
        let rows = try await client.query(
            """
            UPDATE runs
            SET state = 'running', attempts = attempts + 1, claim = claim + 1, claimed_by = \(worker),
                claimed_until = now() + \(lease.seconds) * interval '1 second',
                nudge_at = now() + \(lease.seconds) * interval '1 second', started_at = now(),
                version = coalesce(version, (SELECT live_version FROM projects WHERE name = project))
            WHERE id = \(uuid)
                AND (state = 'waiting' AND available_at <= now() OR state = 'running' AND claimed_until < now())
                AND variables IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM run_keys AS mine JOIN run_keys AS older USING (key)
                    WHERE mine.run = \(uuid) AND older.number < mine.number
                )
            RETURNING claim, project, version, sequence, cause, source, run_as, administrator, variables, attempts,
                trace_id
            """
        )
        return try rows.first.map { try Self.claimedRun(id: id, $0) }
    }

    private static func claimedRun(id: String, _ row: PostgresRow) throws -> ClaimedRun {
        let (claim, project, version, sequence, cause, source, user, administrator, variables, attempt, trace) =
            try row.decode(
                Int64.self,
                String.self,
                Int32?.self,
                String.self,
                String.self,
                String.self,
                String?.self,
                Bool.self,
                [UInt8].self,
                Int32.self,
                String.self
            )
        return ClaimedRun(
            id: id,
            claim: claim,
            project: project,
            version: version.map(Int.init) ?? 0,
            sequence: sequence,
            cause: RunCause(rawValue: cause) ?? .call,
            source: source,
            user: user,
            isAdministrator: administrator,
            variables: try JSONValue(parsing: variables).objectValue ?? [:],
            attempt: Int(attempt),
            traceID: trace
        )
    }

    /// Records a called sequence as running, before it begins: calls come with all that they need in the message.
    ///
    /// A call that is delivered to another worker is taken from the first at once: the broker does so when the first
    /// has gone.
    ///
    /// - Returns: The claim; nil when the call was finished already, or this worker is at it.
    package func begin(_ run: NewRun, worker: String, lease: Duration) async throws -> ClaimedRun? {
        let variables = run.variables.map { JSONValue.object($0).bytes }
        let rows = try await client.query(
            """
            INSERT INTO runs AS known
                (id, project, version, sequence, cause, source, run_as, administrator, variables, state, trace_id,
                 attempts, claim, claimed_by, claimed_until, nudge_at, started_at)
            VALUES (
                \(UUID(uuidString: run.id)), \(run.project),
                (SELECT live_version FROM projects WHERE name = \(run.project)),
                \(run.sequence), \(run.cause.rawValue), \(run.source), \(run.identity.user),
                \(run.identity.isAdministrator), \(variables), 'running', \(run.traceID), 1, 1, \(worker),
                now() + \(lease.seconds) * interval '1 second', now() + \(lease.seconds) * interval '1 second', now()
            )
            ON CONFLICT (id) DO UPDATE
            SET attempts = known.attempts + 1, claim = known.claim + 1, claimed_by = \(worker),
                claimed_until = excluded.claimed_until, nudge_at = excluded.nudge_at, started_at = now()
            WHERE known.state = 'running' AND (known.claimed_until < now() OR known.claimed_by <> \(worker))
            RETURNING claim, version, attempts
            """
        )
        guard let row = rows.first else { return nil }
        let (claim, version, attempt) = try row.decode(Int64.self, Int32?.self, Int32.self)
        return ClaimedRun(
            id: run.id,
            claim: claim,
            project: run.project,
            version: version.map(Int.init) ?? 0,
            sequence: run.sequence,
            cause: run.cause,
            source: run.source,
            user: run.identity.user,
            isAdministrator: run.identity.isAdministrator,
            variables: run.variables ?? [:],
            attempt: Int(attempt),
            traceID: run.traceID
        )
    }

    /// Prolongs the claims of a worker on those of its runs that it has in hand.
    package func renewClaims(of worker: String, on runs: [String], lease: Duration) async throws {
        guard !runs.isEmpty else { return }
        try await client.execute(
            """
            UPDATE runs
            SET claimed_until = now() + \(lease.seconds) * interval '1 second',
                nudge_at = now() + \(lease.seconds) * interval '1 second'
            WHERE state = 'running' AND claimed_by = \(worker) AND id::text = ANY (\(runs))
            """
        )
    }

    /// Ends the claims of a worker that stops, so that others need not wait for their end.
    package func giveBackClaims(of worker: String) async throws {
        try await client.execute(
            """
            UPDATE runs SET state = 'waiting', claimed_until = NULL, nudge_at = now()
            WHERE state = 'running' AND claimed_by = \(worker) AND variables IS NOT NULL AND cause <> 'call'
            """
        )
    }
}
