import Postgres

extension PostgresMigration {
    /// What operators decide about listeners, jobs and runs.
    static let operation = PostgresMigration(
        version: 7,
        name: "pauses, and what holds runs",
        sql: """
            -- Whether younger runs that share a key wait when this one has failed for good.
            ALTER TABLE runs ADD COLUMN holds boolean NOT NULL DEFAULT false;
            UPDATE runs SET holds = true WHERE cause = 'listener';
            -- How many workers were lost with the run in hand.
            ALTER TABLE runs ADD COLUMN losses integer NOT NULL DEFAULT 0;
            -- Which listener a trace has been through: what keeps a listener from hearing itself.
            CREATE INDEX runs_of_listener_trace ON runs (trace_id) WHERE cause = 'listener';

            -- The listeners and jobs that rest, as an operator wanted.
            CREATE TABLE pauses (
                kind text NOT NULL CHECK (kind IN ('listener', 'job')),
                project text NOT NULL,
                name text NOT NULL,
                paused_at timestamptz NOT NULL DEFAULT now(),
                paused_by text NOT NULL,
                PRIMARY KEY (kind, project, name)
            );
            """
    )
}
