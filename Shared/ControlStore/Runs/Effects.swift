import Foundation
package import JSON
package import Postgres

/// What the ledger knows of a step's effect.
package enum RecordedEffect: Sendable {
    /// It was never attempted.
    case none
    /// It was attempted, and nobody knows how it ended.
    case attempted
    /// It happened, with this answer.
    case answered(JSONValue)
}

extension ControlStore {
    /// What an earlier attempt at the run did at that step.
    package func effect(of run: ClaimedRun, step: String) async throws -> RecordedEffect {
        let rows = try await client.query(
            "SELECT answer FROM effects WHERE run = \(UUID(uuidString: run.id)) AND step = \(step)"
        )
        guard let row = rows.first else { return .none }
        guard let answer = try row.decode([UInt8]?.self, at: 0) else { return .attempted }
        return .answered(try JSONValue(parsing: answer, limits: .unlimited))
    }

    /// The first of the steps that were attempted and of which nobody knows how that ended.
    ///
    /// An attempt at the run that did not come to them again, because its lists or its decisions were others, has said
    /// nothing about them.
    package func unansweredSteps(of run: ClaimedRun, limit: Int) async throws -> [String] {
        let rows = try await client.query(
            """
            SELECT step FROM effects WHERE run = \(UUID(uuidString: run.id)) AND answer IS NULL
            ORDER BY attempted_at, step LIMIT \(Int64(limit))
            """
        )
        return try rows.map { try $0.decode(String.self, at: 0) }
    }

    /// Notes that the step is about to be attempted; an effect that is not idempotent is noted before it happens.
    ///
    /// - Throws: ``ClaimLost`` when another worker has the run now: the effect is then that worker's to attempt.
    package func noteAttempt(of run: ClaimedRun, step: String) async throws {
        let noted = try await client.execute(
            """
            INSERT INTO effects (run, step)
            SELECT id, \(step) FROM runs
            WHERE id = \(UUID(uuidString: run.id)) AND claim = \(run.claim) AND state = 'running'
            FOR SHARE
            ON CONFLICT (run, step) DO UPDATE SET attempted_at = now()
            """
        )
        guard noted == 1 else { throw ClaimLost(run) }
    }

    /// Forgets an attempt that certainly had no effect; nothing when another worker has the run now, whose attempt it
    /// may be.
    package func forgetAttempt(of run: ClaimedRun, step: String) async throws {
        try await client.execute(
            """
            WITH held AS (
                SELECT id FROM runs
                WHERE id = \(UUID(uuidString: run.id)) AND claim = \(run.claim) AND state = 'running'
                FOR SHARE
            )
            DELETE FROM effects USING held WHERE run = held.id AND step = \(step) AND answer IS NULL
            """
        )
    }

    /// The query of a row while the run is this worker's, which keeps others from taking it over until its transaction
    /// ends; for an effect of which nothing is recorded.
    package func holding(_ run: ClaimedRun) -> PostgresQuery {
        """
        SELECT id FROM runs WHERE id = \(UUID(uuidString: run.id)) AND claim = \(run.claim) AND state = 'running'
        FOR SHARE
        """
    }

    /// The statement that records a step's answer, for the transaction in which the effect is committed.
    ///
    /// It changes no row when the claim was lost: the transaction must then be given up.
    package func record(_ answer: JSONValue, of run: ClaimedRun, step: String) -> PostgresQuery {
        """
        INSERT INTO effects (run, step, answer)
        SELECT id, \(step), \(answer.bytes) FROM runs
        WHERE id = \(UUID(uuidString: run.id)) AND claim = \(run.claim) AND state = 'running'
        FOR SHARE
        ON CONFLICT (run, step) DO UPDATE SET answer = excluded.answer WHERE effects.answer IS NULL
        """
    }
}

/// Another worker has the run now, so what this one was about to do does not count.
package struct ClaimLost: Error, Sendable {
    package let run: String

    package init(_ run: ClaimedRun) {
        self.run = run.id
    }
}
