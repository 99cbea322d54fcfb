import Postgres

extension PostgresMigration {
    /// How the runs are found of which workers are to be told.
    static let linesOfDueRuns = PostgresMigration(
        version: 11,
        name: "due runs by what made them",
        sql: """
            -- By line, retries apart, so that each line's next runs are found however many another one has.
            CREATE INDEX runs_due
                ON runs (coalesce(source_project, project), cause, source, (attempts > 0), nudge_at, number)
                WHERE state IN ('waiting', 'running') AND variables IS NOT NULL;
            DROP INDEX runs_unfinished;
            """
    )
}
