import Postgres

extension PostgresMigration {
    /// What led to a run.
    static let lineage = PostgresMigration(
        version: 9,
        name: "what led to runs",
        sql: """
            -- The project of the listener or job that made the run; null where it is the sequence's.
            ALTER TABLE runs ADD COLUMN source_project text;
            -- The names of the listeners that led to the run, an array: what keeps a listener from hearing itself.
            ALTER TABLE runs ADD COLUMN lineage jsonb NOT NULL DEFAULT '[]';
            UPDATE runs SET lineage = jsonb_build_array('listener/' || project || '/' || source)
            WHERE cause = 'listener' AND state IN ('waiting', 'running', 'failed', 'uncertain');
            DROP INDEX runs_of_listener_trace;
            """
    )
}
