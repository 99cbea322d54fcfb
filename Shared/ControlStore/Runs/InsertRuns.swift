import Contracts
import Foundation
import JSON
package import Postgres

extension ControlStore {
    /// How long after it was made a run is told of again, its maker having told workers at once.
    private static let firstPatience = Duration.seconds(10)

    /// The statements that make the runs, for a transaction that also holds what they are made for.
    ///
    /// The first one answers the ids of the runs that were made: not those whose id or `dedupeKey` exists already. Runs
    /// that share a key must be made one after the other, for their order is that of their making: by the holder of a
    /// lease or of another row, which the transaction has locked before (``lockingMaker(of:)``).
    package func insert(_ runs: [NewRun]) -> [PostgresQuery] {
        let ids = runs.map { UUID(uuidString: $0.id) }
        let variables = runs.map { run in run.variables.map { JSONValue.object($0).bytes } }
        let inLine = runs.filter { $0.failure == nil || $0.holds }
        let keys = inLine.flatMap { run in run.orderingKeys.map { (UUID(uuidString: run.id), $0) } }
        let aside = runs.filter { $0.failure != nil && !$0.holds && !$0.orderingKeys.isEmpty }
        // Only a run that is made gets its keys: those of one that has ended would never be freed.
        return [
            """
            WITH made AS (
                INSERT INTO runs
                    (id, project, sequence, cause, source, run_as, administrator, variables, state, trace_id,
                     dedupe_key, holds, source_project, lineage, nudge_at, error, finished_at)
                SELECT id, project, sequence, cause, source, run_as, administrator, variables,
                    CASE WHEN error IS NULL THEN 'waiting' ELSE 'failed' END, trace_id,
                    dedupe_key, holds, source_project, lineage,
                    now() + \(Self.firstPatience.seconds) * interval '1 second',
                    error, CASE WHEN error IS NOT NULL THEN now() END
                FROM unnest(
                    \(ids), \(runs.map(\.project)), \(runs.map(\.sequence)), \(runs.map(\.cause.rawValue)),
                    \(runs.map(\.source)), \(runs.map(\.identity.user)), \(runs.map(\.identity.isAdministrator)),
                    \(variables), \(runs.map(\.traceID)), \(runs.map(\.dedupeKey)),
                    \(runs.map(\.holds)), \(runs.map(\.sourceProject)),
                    \(runs.map { Self.column(of: $0.lineage) }), \(runs.map(\.failure?.bytes))
                ) WITH ORDINALITY AS new
                    (id, project, sequence, cause, source, run_as, administrator, variables, trace_id, dedupe_key,
                     holds, source_project, lineage, error, place)
                ORDER BY place
                ON CONFLICT DO NOTHING
                RETURNING id, number
            ), keyed AS (
                INSERT INTO run_keys (key, number, run)
                SELECT new.key, made.number, made.id
                FROM unnest(\(keys.map(\.0)), \(keys.map(\.1))) AS new (run, key) JOIN made ON made.id = new.run
                ON CONFLICT DO NOTHING
            )
            SELECT id FROM made ORDER BY number
            """
        ] + (aside.isEmpty ? [] : [Self.noteLines(of: aside)])
    }

    /// Notes the lines of runs that are made as failed and hold up nobody, for the case that one is retried.
    private static func noteLines(of runs: [NewRun]) -> PostgresQuery {
        let keys = runs.flatMap { run in run.orderingKeys.map { (UUID(uuidString: run.id), $0) } }
        return """
            UPDATE runs SET left_lines = new.lines
            FROM (
                SELECT run, array_agg(key) AS lines FROM unnest(\(keys.map(\.0)), \(keys.map(\.1))) AS given (run, key)
                GROUP BY run
            ) AS new
            WHERE runs.id = new.run AND state = 'failed' AND left_lines IS NULL
            """
    }

    private static func column(of lineage: [String]) -> PostgresJSONB {
        PostgresJSONB(JSONValue.array(lineage.map(JSONValue.string)).bytes)
    }

    /// Makes the runs in a transaction of their own.
    ///
    /// - Returns: The ids of those that were made.
    package func make(_ runs: [NewRun]) async throws -> [String] {
        guard !runs.isEmpty else { return [] }
        return try await client.transaction { connection in
            let answers = try await connection.pipeline(insert(runs))
            return try answers[0].map { try $0.decode(UUID.self).uuidString.lowercased() }
        }
    }
}
