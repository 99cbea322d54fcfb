import Foundation
package import JSON
import Postgres

extension ControlStore {
    /// Puts a failed, uncertain or cancelled run back in line.
    ///
    /// What it did is not done again. An effect of which nobody knows whether it happened is attempted anew only where
    /// the run stopped because of it, so that a person has decided so; a run that failed or was cancelled for another
    /// reason stops as uncertain when it comes to that step, or to its end without having come to it.
    ///
    /// A run that held its lines has the place in them that it had. One that had left them, so that younger runs could
    /// go on, comes back to them behind all that stand there now: the changes of a document are then not done in their
    /// order, but still never two at once.
    ///
    /// - Returns: Whether it was one, and can be repeated.
    package func retryRun(_ id: String) async throws -> Bool {
        guard let uuid = UUID(uuidString: id) else { return false }
        return try await putBack(
            uuid,
            where: "state IN ('failed', 'uncertain', 'cancelled')",
            andThen: """
                DELETE FROM effects USING before
                WHERE effects.run = before.id AND before.state = 'uncertain' AND effects.answer IS NULL
                """
        )
    }

    /// Puts an uncertain run back in line, as ``retryRun(_:)`` does, because a person has seen that what it asked for
    /// did happen.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - answer: What the back end would have answered: what the sequence goes on with.
    /// - Returns: Whether it was uncertain about one effect, and can be repeated; of several the answer would be taken
    ///   for that of each.
    package func resolveRun(_ id: String, answer: JSONValue) async throws -> Bool {
        guard let uuid = UUID(uuidString: id) else { return false }
        return try await putBack(
            uuid,
            where: """
                state = 'uncertain' AND (SELECT count(*) FROM effects WHERE run = \(uuid) AND answer IS NULL) <= 1
                """,
            andThen: """
                UPDATE effects SET answer = \(answer.bytes) FROM before
                WHERE effects.run = before.id AND effects.answer IS NULL
                """
        )
    }

    /// Puts a run back in line when the condition holds, and does something about its effects in the same statement.
    private func putBack(
        _ run: UUID,
        where condition: PostgresQuery,
        andThen statement: PostgresQuery
    ) async throws -> Bool {
        let answers = try await client.transaction { connection in
            try await connection.pipeline(
                Self.lockingMaker(of: run) + [Self.putBack(run, where: condition, andThen: statement)]
            )
        }
        return answers.last?.count == 1
    }

    private static func putBack(
        _ run: UUID,
        where condition: PostgresQuery,
        andThen statement: PostgresQuery
    ) -> PostgresQuery {
        """
        WITH before AS (
            SELECT id, state, left_lines FROM runs
            WHERE id = \(run) AND variables IS NOT NULL AND \(fragment: condition)
            FOR UPDATE
        ), again AS (
            UPDATE runs SET state = 'waiting', available_at = now(), nudge_at = now(), attempts = 0,
                uncounted = 0, losses = 0, finished_at = NULL, left_lines = NULL
            FROM before WHERE runs.id = before.id
            RETURNING runs.id
        ), place AS MATERIALIZED (
            -- The same in all lines, so that of two runs one stands behind the other in each that they share.
            SELECT nextval(pg_get_serial_sequence('runs', 'number')) AS number FROM before
        ), lined AS (
            INSERT INTO run_keys (key, number, run)
            SELECT key, place.number, before.id FROM before CROSS JOIN place CROSS JOIN unnest(left_lines) AS key
            ON CONFLICT DO NOTHING
        ), decided AS (\(fragment: statement))
        SELECT id FROM again
        """
    }

    /// The statements that keep others from making runs which stand in line with that one, until the transaction ends.
    ///
    /// Who makes runs of a listener holds its lease's row, and who makes those of a job that of its schedule, before
    /// they get their numbers: so a number that is taken behind this is behind those of all runs that are to be seen.
    /// Whether the run has left its lines is not asked yet, for it may leave them until it is locked itself.
    private static func lockingMaker(of run: UUID) -> [PostgresQuery] {
        [
            """
            SELECT leases.name FROM leases JOIN runs
                ON starts_with(leases.name, 'listener/' || coalesce(source_project, project) || '/' || source || '@')
            WHERE runs.id = \(run) AND cause = 'listener'
            FOR UPDATE OF leases
            """,
            """
            SELECT schedules.job FROM schedules JOIN runs ON job = coalesce(source_project, project) || '/' || source
            WHERE runs.id = \(run) AND cause = 'schedule'
            FOR UPDATE OF schedules
            """,
        ]
    }
}
