package import Contracts
import Foundation
import Postgres

/// Where a look at the due runs ended in the lines of which it has not seen all, so that the next one goes on there.
package struct DuePlaces: Sendable {
    fileprivate struct Place: Sendable {
        let line: [String]
        let isRetry: Bool
        /// When workers were to be told of the last run that was looked at, as PostgreSQL writes it, and its number.
        let time: String
        let number: Int64
        /// The time up to which runs are looked at until the line begins anew.
        let until: String
    }

    fileprivate var places: [Place] = []

    /// The beginning of every line.
    package init() {}

    /// Whether the next look begins at the beginning of every line.
    package var isBeginning: Bool { places.isEmpty }
}

extension ControlStore {
    /// The runs of which workers should be told (again): their time has come and nobody was told, or nobody came.
    ///
    /// This is what makes a lost message, a lost broker and a dead worker a delay. Each run is handed to one caller.
    /// Lines take turns, and their retries, of which nobody else tells, have turns of their own: however many runs of
    /// one line are due, those of the others are found at once. A run that stands behind an older one is passed over,
    /// and nothing is written of it: the end of the older one tells of it.
    ///
    /// - Parameters:
    ///   - limit: How many runs are answered at most, and how many of each line are looked at.
    ///   - patience: How long a run that was told of is left alone.
    ///   - full: The lines of which no more is wanted.
    ///   - places: Where the look before this one ended.
    /// - Returns: The ids of the runs, and where this look ended.
    package func dueRuns(
        limit: Int,
        patience: Duration,
        besides full: Set<RunLine>,
        from places: DuePlaces
    ) async throws -> (runs: [String], places: DuePlaces) {
        let lines = Self.dueLines(besides: Array(full), from: places.places)
        let query = Self.dueRuns(limit, patience, of: lines)
        let rows = try await client.transaction { connection in
            // A plan that was made while there were few runs would go through all of them for each line.
            try await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            return try await connection.query(query)
        }
        var due = (runs: [String](), places: DuePlaces())
        for row in rows {
            let (id, owner, cause, source, isRetry, time, number, until) = try row.decode(
                UUID?.self,
                String?.self,
                String?.self,
                String?.self,
                Bool?.self,
                String?.self,
                Int64?.self,
                String?.self
            )
            if let id { due.runs.append(id.uuidString.lowercased()) }
            guard let owner, let cause, let source, let isRetry, let time, let number, let until else { continue }
            due.places.places.append(
                .init(line: [owner, cause, source], isRetry: isRetry, time: time, number: number, until: until)
            )
        }
        return due
    }

    /// The lines in which runs are due, found by leaps in the index, and where each is looked at from.
    private static func dueLines(besides full: [RunLine], from places: [DuePlaces.Place]) -> PostgresQuery {
        """
        lines AS (
            (
                SELECT coalesce(source_project, project) AS owner, cause, source, attempts > 0 AS is_retry, nudge_at
                FROM runs WHERE state IN ('waiting', 'running') AND variables IS NOT NULL
                ORDER BY coalesce(source_project, project), cause, source, attempts > 0, nudge_at LIMIT 1
            )
            UNION ALL
            SELECT next.* FROM lines CROSS JOIN LATERAL (
                SELECT coalesce(source_project, project), cause, source, attempts > 0, nudge_at
                FROM runs WHERE state IN ('waiting', 'running') AND variables IS NOT NULL
                    AND (coalesce(source_project, project), cause, source, attempts > 0)
                        > (lines.owner, lines.cause, lines.source, lines.is_retry)
                ORDER BY coalesce(source_project, project), cause, source, attempts > 0, nudge_at LIMIT 1
            ) AS next
        ), due AS MATERIALIZED (
            SELECT owner, cause, source, is_retry, place.nudge_at, place.number,
                coalesce(place.until, now()) AS until
            FROM lines LEFT JOIN unnest(
                \(places.map { $0.line[0] }), \(places.map { $0.line[1] }), \(places.map { $0.line[2] }),
                \(places.map(\.isRetry)), \(places.map(\.time))::timestamptz[], \(places.map(\.number)),
                \(places.map(\.until))::timestamptz[]
            ) AS place (owner, cause, source, is_retry, nudge_at, number, until)
                USING (owner, cause, source, is_retry)
            WHERE lines.nudge_at <= now() AND (owner, cause, source) NOT IN (
                SELECT * FROM unnest(
                    \(full.map(\.project)), \(full.map(\.cause.rawValue)), \(full.map(\.source))
                ) AS known
            )
        )
        """
    }

    /// The first runs of each line that has some, those among them that are given out, and where the look ended.
    private static func dueRuns(_ limit: Int, _ patience: Duration, of lines: PostgresQuery) -> PostgresQuery {
        """
        WITH RECURSIVE \(fragment: lines), seen AS MATERIALIZED (
            SELECT due.owner, due.cause, due.source, due.is_retry, due.until, run.*,
                -- Asked run by run, of each key's line only whether anything is in front.
                EXISTS (
                    SELECT FROM run_keys AS mine CROSS JOIN LATERAL (
                        SELECT FROM run_keys AS older
                        WHERE older.key = mine.key AND older.number < mine.number LIMIT 1
                    ) AS older
                    WHERE mine.run = run.id OFFSET 0
                ) AS is_behind
            FROM due CROSS JOIN LATERAL (
                SELECT id, nudge_at, number FROM runs
                WHERE state IN ('waiting', 'running') AND variables IS NOT NULL
                    AND coalesce(source_project, project) = due.owner AND cause = due.cause
                    AND source = due.source AND (attempts > 0) = due.is_retry AND nudge_at <= due.until
                    AND (nudge_at, number) > (coalesce(due.nudge_at, '-infinity'), coalesce(due.number, 0))
                ORDER BY nudge_at, number LIMIT \(Int64(limit))
            ) AS run
        ), ranked AS (
            SELECT *,
                row_number() OVER (PARTITION BY owner, cause, source, is_retry ORDER BY nudge_at, number) AS ordinal,
                row_number() OVER (
                    PARTITION BY owner, cause, source, is_retry, is_behind ORDER BY nudge_at, number
                ) AS rank
            FROM seen
        ), chosen AS MATERIALIZED (
            SELECT *, row_number() OVER (ORDER BY is_behind, rank, NOT is_retry, nudge_at, number) AS turn FROM ranked
        ), free AS (
            SELECT runs.id FROM chosen JOIN runs USING (id)
            WHERE NOT is_behind AND turn <= \(Int64(limit))
                AND runs.state IN ('waiting', 'running') AND runs.nudge_at <= now()
            FOR UPDATE OF runs SKIP LOCKED
        ), told AS (
            UPDATE runs SET nudge_at = now() + \(patience.seconds) * interval '1 second'
            WHERE id = ANY (ARRAY(SELECT id FROM free))
            RETURNING runs.id
        ), ends AS (
            SELECT owner, cause, source, is_retry, count(*) AS looked,
                min(ordinal) FILTER (WHERE NOT is_behind AND turn > \(Int64(limit))) AS first_left
            FROM chosen GROUP BY owner, cause, source, is_retry
        )
        (
            SELECT id, NULL AS owner, NULL AS cause, NULL AS source, NULL::boolean AS is_retry, NULL AS time,
                NULL::bigint AS number, NULL AS until
            FROM told JOIN chosen USING (id) ORDER BY turn
        )
        UNION ALL
        SELECT NULL, owner, cause, source, is_retry, nudge_at::text,
            CASE WHEN first_left IS NULL THEN number ELSE number - 1 END, until::text
        FROM ends JOIN chosen USING (owner, cause, source, is_retry)
        WHERE ordinal = coalesce(first_left, looked) AND (first_left IS NOT NULL OR looked >= \(Int64(limit)))
        """
    }

    /// Ends the runs that nobody can finish any more: calls with secrets whose worker died.
    package func failAbandonedCalls() async throws -> Int {
        try await client.execute(
            """
            UPDATE runs SET state = 'failed', finished_at = now(), claimed_until = NULL,
                error = \(Array(#"{"code":"worker_lost","message":"The worker that ran it is gone."}"#.utf8))
            WHERE id IN (
                SELECT id FROM runs
                WHERE state = 'running' AND variables IS NULL AND claimed_until < now() - interval '1 minute'
                FOR UPDATE SKIP LOCKED
            )
            """
        )
    }

    /// Deletes finished runs that are older than that; failed ones are kept as long as the others, and those of which a
    /// person has to find out what they did until one has decided.
    package func pruneRuns(olderThan age: Duration, limit: Int) async throws -> Int {
        try await client.execute(
            """
            DELETE FROM runs WHERE id IN (
                SELECT id FROM runs
                WHERE finished_at < now() - \(age.seconds) * interval '1 second' AND state <> 'uncertain'
                    -- What still holds younger runs back waits for a person, however long that takes.
                    AND NOT EXISTS (SELECT FROM run_keys WHERE run = runs.id)
                ORDER BY finished_at LIMIT \(Int64(limit))
                FOR UPDATE SKIP LOCKED
            )
            """
        )
    }
}
