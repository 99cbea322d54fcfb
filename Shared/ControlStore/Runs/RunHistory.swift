import Foundation
package import JSON
import Postgres

extension ControlStore {
    /// What ran lately, the newest first, as `GET /_fullsync/runs` answers it.
    ///
    /// - Parameters:
    ///   - state: Only runs in that state; nil for all.
    ///   - before: Only runs with a smaller number, to page on; nil for the newest.
    package func runs(state: RunState?, before: Int?, limit: Int) async throws -> [JSONObject] {
        // The state stands in the text, so that the index of the few runs in that state serves.
        let condition = state.map { " AND state = '\($0.rawValue)'" } ?? ""
        let rows = try await client.query(
            """
            SELECT \(unescaped: Self.historyColumns) FROM runs
            WHERE number < \(Int64(before ?? .max))\(unescaped: condition)
            ORDER BY number DESC LIMIT \(Int64(limit))
            """
        )
        return try rows.map(Self.history)
    }

    /// That run, as `GET /_fullsync/runs/<id>` answers it; nil when there is none.
    package func run(_ id: String) async throws -> JSONObject? {
        guard let uuid = UUID(uuidString: id) else { return nil }
        let rows = try await client.query(
            "SELECT \(unescaped: Self.historyColumns) FROM runs WHERE id = \(uuid)"
        )
        return try rows.first.map(Self.history)
    }

    /// Puts a failed or uncertain run back in line.
    ///
    /// What it did is not done again. An effect of which nobody knows whether it happened is attempted anew only where
    /// the run stopped because of it, so that a person has decided so; a run that failed or was cancelled for another
    /// reason stops as uncertain when it comes to that step.
    ///
    /// - Returns: Whether it was one, and can be repeated.
    package func retryRun(_ id: String) async throws -> Bool {
        guard let uuid = UUID(uuidString: id) else { return false }
        let changed = try await client.execute(
            """
            WITH before AS (
                SELECT id, state FROM runs
                WHERE id = \(uuid) AND state IN ('failed', 'uncertain', 'cancelled') AND variables IS NOT NULL
                FOR UPDATE
            ), again AS (
                UPDATE runs SET state = 'waiting', available_at = now(), nudge_at = now(), attempts = 0,
                    uncounted = 0, losses = 0, finished_at = NULL
                FROM before WHERE runs.id = before.id
                RETURNING runs.id
            ), forgotten AS (
                DELETE FROM effects USING before
                WHERE effects.run = before.id AND before.state = 'uncertain' AND effects.answer IS NULL
            )
            SELECT id FROM again
            """
        )
        return changed == 1
    }

    /// Puts an uncertain run back in line, because a person has seen that what it asked for did happen.
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - answer: What the back end would have answered: what the sequence goes on with.
    /// - Returns: Whether it was uncertain about one effect, and can be repeated; of several the answer would be taken
    ///   for that of each.
    package func resolveRun(_ id: String, answer: JSONValue) async throws -> Bool {
        guard let uuid = UUID(uuidString: id) else { return false }
        let rows = try await client.query(
            """
            WITH again AS (
                UPDATE runs SET state = 'waiting', available_at = now(), nudge_at = now(), attempts = 0,
                    uncounted = 0, losses = 0, finished_at = NULL
                WHERE id = \(uuid) AND state = 'uncertain' AND variables IS NOT NULL
                    AND (SELECT count(*) FROM effects WHERE run = \(uuid) AND answer IS NULL) <= 1
                RETURNING id
            ), answered AS (
                UPDATE effects SET answer = \(answer.bytes) FROM again
                WHERE effects.run = again.id AND effects.answer IS NULL
            )
            SELECT id FROM again
            """
        )
        return rows.count == 1
    }

    private static let historyColumns = """
        id, number, project, version, sequence, cause, source, run_as, state, attempts, created_at, started_at,
        finished_at, error, trace_id
        """

    private static func history(_ row: PostgresRow) throws -> JSONObject {
        let (
            id, number, project, version, sequence, cause, source, user, state, attempts, created, started, finished,
            error, trace
        ) = try row.decode(
            UUID.self,
            Int64.self,
            String.self,
            Int32?.self,
            String.self,
            String.self,
            String.self,
            String?.self,
            String.self,
            Int32.self,
            Date.self,
            Date?.self,
            Date?.self,
            [UInt8]?.self,
            String.self
        )
        var result: JSONObject = [
            "id": .string(id.uuidString.lowercased()), "number": .number(JSONNumber(Int(number))),
            "project": .string(project), "version": version.map { .number(JSONNumber(Int($0))) } ?? .null,
            "sequence": .string(sequence), "cause": .string(cause), "source": .string(source),
            "user": user.map(JSONValue.string) ?? .null, "state": .string(state),
            "attempts": .number(JSONNumber(Int(attempts))), "created": .string(created.formatted(.iso8601)),
            "started": started.map { .string($0.formatted(.iso8601)) } ?? .null,
            "finished": finished.map { .string($0.formatted(.iso8601)) } ?? .null, "trace": .string(trace),
        ]
        result["duration"] = .null
        if let started, let finished {
            let milliseconds = JSONValue.number(JSONNumber(Int(finished.timeIntervalSince(started) * 1_000)))
            result["duration"] = milliseconds
            // As it was called before.
            result["milliseconds"] = milliseconds
        }
        if let error { result["error"] = try JSONValue(parsing: error, limits: .unlimited) }
        return result
    }
}
