package import Contracts
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
                losses = losses + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
                nudge_at = now() + \(lease.seconds) * interval '1 second', started_at = now(),
                -- By whoever begins it. What a worker has begun that knows no key has numbers in its ledger.
                turn_key = CASE WHEN started_at IS NULL THEN gen_random_uuid()::text ELSE turn_key END,
                version = coalesce(version, (SELECT live_version FROM projects WHERE name = project))
            WHERE id = \(uuid)
                AND (state = 'waiting' AND available_at <= now() OR state = 'running' AND claimed_until < now())
                AND variables IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM run_keys AS mine JOIN run_keys AS older USING (key)
                    WHERE mine.run = \(uuid) AND older.number < mine.number
                )
            RETURNING claim, project, version, sequence, cause, source, run_as, administrator, variables, attempts,
                trace_id, holds, losses, uncounted, lineage::text, turn_key
            """
        )
        return try rows.first.map { try Self.claimedRun(id: uuid.uuidString.lowercased(), $0) }
    }

    /// What made a run; nil when it does not exist, or has ended.
    package func line(ofRun id: String) async throws -> RunLine? {
        guard let uuid = UUID(uuidString: id) else { return nil }
        let rows = try await client.query(
            """
            SELECT coalesce(source_project, project), cause, source FROM runs
            WHERE id = \(uuid) AND state IN ('waiting', 'running')
            """
        )
        return try rows.first.map { row in
            let (project, cause, source) = try row.decode(String.self, String.self, String.self)
            return RunLine(project: project, cause: RunCause(rawValue: cause) ?? .call, source: source)
        }
    }

    private static func claimedRun(id: String, _ row: PostgresRow) throws -> ClaimedRun {
        let (
            claim, project, version, sequence, cause, source, user, administrator, variables, attempt, trace, holds,
            losses, uncounted, lineage, turnKey
        ) =
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
                String.self,
                Bool.self,
                Int32.self,
                Int32.self,
                String.self,
                String?.self
            )
        var run = ClaimedRun(
            id: id,
            claim: claim,
            project: project,
            version: version.map(Int.init) ?? 0,
            sequence: sequence,
            cause: RunCause(rawValue: cause) ?? .call,
            source: source,
            user: user,
            isAdministrator: administrator,
            variables: [:],
            attempt: Int(attempt),
            traceID: trace
        )
        run.holds = holds
        run.losses = Int(losses)
        run.uncounted = Int(uncounted)
        run.turnKey = turnKey
        // Documents stand within them, which may be as deep as JSON of strangers may be. What cannot be read nobody
        // will ever read: the run is its worker's all the same, who ends it.
        let known = try? JSONValue(parsing: variables, limits: .unlimited).objectValue
        let origins = try? JSONValue(parsing: Array(lineage.utf8), limits: .unlimited).arrayValue
        if let known { run = run.with(variables: known) }
        run.lineage = origins?.compactMap(\.stringValue) ?? []
        run.isReadable = known != nil && origins != nil
        return run
    }

    /// For how long the broker's next delivery of a call is waited for when its claim has lapsed: who takes it from
    /// there can answer the caller, and who takes it from its row cannot.
    private static let redelivery = Duration.seconds(60)

    /// Records a called sequence as running, before it begins: calls come with all that they need in the message.
    ///
    /// A call that is delivered once more is taken from whoever began it, at once: the broker does so when that worker
    /// has gone. A worker that is at it must not begin it again.
    ///
    /// - Returns: The claim; nil when the call was finished already.
    package func begin(_ run: NewRun, worker: String, lease: Duration) async throws -> ClaimedRun? {
        let variables = run.variables.map { JSONValue.object($0).bytes }
        let rows = try await client.query(
            """
            INSERT INTO runs AS known
                (id, project, version, sequence, cause, source, run_as, administrator, variables, state, trace_id,
                 attempts, claim, claimed_by, claimed_until, nudge_at, started_at, turn_key)
            VALUES (
                \(UUID(uuidString: run.id)), \(run.project),
                (SELECT live_version FROM projects WHERE name = \(run.project)),
                \(run.sequence), \(run.cause.rawValue), \(run.source), \(run.identity.user),
                \(run.identity.isAdministrator), \(variables), 'running', \(run.traceID), 1, 1, \(worker),
                now() + \(lease.seconds) * interval '1 second',
                now() + \((lease + Self.redelivery).seconds) * interval '1 second', now(), gen_random_uuid()::text
            )
            ON CONFLICT (id) DO UPDATE
            SET attempts = known.attempts + 1, claim = known.claim + 1, claimed_by = \(worker),
                claimed_until = excluded.claimed_until, nudge_at = excluded.nudge_at, started_at = now()
            WHERE known.state = 'running'
            RETURNING claim, version, attempts, turn_key
            """
        )
        guard let row = rows.first else { return nil }
        let (claim, version, attempt, turnKey) =
            try row.decode(Int64.self, Int32?.self, Int32.self, String?.self)
        var claimed = ClaimedRun(
            // As claims are prolonged: however the caller wrote it.
            id: run.id.lowercased(),
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
        claimed.turnKey = turnKey
        return claimed
    }

    /// Prolongs the claims of a worker on those of its runs that it has in hand.
    ///
    /// - Returns: The runs that are still its own; the others were taken over, or cancelled.
    package func renewClaims(of worker: String, on runs: [String], lease: Duration) async throws -> Set<String> {
        guard !runs.isEmpty else { return [] }
        let rows = try await client.query(
            """
            UPDATE runs
            SET claimed_until = now() + \(lease.seconds) * interval '1 second',
                nudge_at = now() + \(lease.seconds) * interval '1 second'
                    + CASE cause WHEN 'call' THEN \(Self.redelivery.seconds) ELSE 0 END * interval '1 second'
            WHERE state = 'running' AND claimed_by = \(worker) AND id = ANY (\(runs.map { UUID(uuidString: $0) }))
            RETURNING id
            """
        )
        return Set(try rows.map { try $0.decode(UUID.self, at: 0).uuidString.lowercased() })
    }

    /// Ends the claims of a worker that stops, so that others need not wait for their end.
    package func giveBackClaims(of worker: String) async throws {
        try await client.execute(
            """
            UPDATE runs SET state = 'waiting', claimed_until = NULL, nudge_at = now(), uncounted = uncounted + 1
            WHERE state = 'running' AND claimed_by = \(worker) AND variables IS NOT NULL AND cause <> 'call'
            """
        )
    }
}
