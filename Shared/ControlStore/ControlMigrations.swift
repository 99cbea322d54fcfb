package import Postgres

extension ControlStore {
    /// The tables of this module, in the order in which they came to be.
    package static let migrations: [PostgresMigration] = [
        PostgresMigration(
            version: 1,
            name: "deployed projects",
            sql: """
                CREATE TABLE project_versions (
                    project text NOT NULL,
                    version integer NOT NULL,
                    digest text NOT NULL,
                    -- The project's files as the text of a JSON object, path to content: exactly what was deployed.
                    files bytea NOT NULL,
                    deployed_at timestamptz NOT NULL DEFAULT now(),
                    deployed_by text NOT NULL,
                    PRIMARY KEY (project, version)
                );
                CREATE TABLE projects (
                    name text PRIMARY KEY,
                    live_version integer NOT NULL,
                    FOREIGN KEY (name, live_version) REFERENCES project_versions (project, version)
                );
                """
        ),
        PostgresMigration(
            version: 2,
            name: "runs and what they did",
            sql: """
                CREATE TABLE runs (
                    id uuid PRIMARY KEY,
                    -- The order in which runs were made, and so the order of the runs that share a key.
                    number bigint GENERATED ALWAYS AS IDENTITY,
                    project text NOT NULL,
                    -- Set when the run begins: it finishes on the version that it began on.
                    version integer,
                    sequence text NOT NULL,
                    cause text NOT NULL,
                    source text NOT NULL,
                    run_as text,
                    administrator boolean NOT NULL DEFAULT false,
                    -- JSON text; null where a variable is secret, and such a run cannot be repeated.
                    variables bytea,
                    state text NOT NULL
                        CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'uncertain', 'cancelled')),
                    attempts integer NOT NULL DEFAULT 0,
                    available_at timestamptz NOT NULL DEFAULT now(),
                    -- When workers are told of the run (again), unless it has ended by then.
                    nudge_at timestamptz NOT NULL DEFAULT now(),
                    -- The fencing token: a worker that lost its claim cannot finish the run.
                    claim bigint NOT NULL DEFAULT 0,
                    claimed_by text,
                    claimed_until timestamptz,
                    created_at timestamptz NOT NULL DEFAULT now(),
                    started_at timestamptz,
                    finished_at timestamptz,
                    error bytea,
                    trace_id text NOT NULL,
                    -- What may happen once: a change for a listener, a message id, a job's time.
                    dedupe_key text UNIQUE
                ) WITH (fillfactor = 70);
                CREATE INDEX runs_unfinished ON runs (nudge_at) WHERE state IN ('waiting', 'running');
                CREATE INDEX runs_running ON runs (claimed_until) WHERE state = 'running';
                CREATE INDEX runs_scheduled ON runs (project, source)
                    WHERE state IN ('waiting', 'running') AND cause = 'schedule';
                CREATE INDEX runs_set_aside ON runs (state, number) WHERE state IN ('failed', 'uncertain', 'cancelled');
                CREATE UNIQUE INDEX runs_number ON runs (number);
                CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

                -- The runs that stand in line for a key (one document of one listener), the oldest first.
                CREATE TABLE run_keys (
                    key text NOT NULL,
                    number bigint NOT NULL,
                    run uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
                    PRIMARY KEY (key, number)
                );
                CREATE INDEX run_keys_run ON run_keys (run);

                -- What the steps of a run have done, so that the next attempt does not do it again.
                CREATE TABLE effects (
                    run uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
                    step text NOT NULL,
                    attempted_at timestamptz NOT NULL DEFAULT now(),
                    -- JSON text of the answer; null while nobody knows whether it happened.
                    answer bytea,
                    PRIMARY KEY (run, step)
                );
                """
        ),
        PostgresMigration(
            version: 3,
            name: "leases and positions",
            sql: """
                CREATE TABLE leases (
                    name text PRIMARY KEY,
                    holder text NOT NULL,
                    token bigint NOT NULL,
                    until timestamptz NOT NULL
                ) WITH (fillfactor = 10);

                -- How far each follower of a database has come: the publisher of its changes, and each listener.
                CREATE TABLE positions (
                    follower text NOT NULL,
                    database text NOT NULL,
                    incarnation text NOT NULL,
                    seq bigint NOT NULL,
                    PRIMARY KEY (follower, database)
                ) WITH (fillfactor = 10);
                """
        ),
        PostgresMigration(
            version: 4,
            name: "sessions and firings",
            sql: """
                CREATE TABLE sessions (
                    -- SHA-256 of the cookie's token: a copy of this table opens no session.
                    digest bytea PRIMARY KEY,
                    user_name text NOT NULL,
                    administrator boolean NOT NULL,
                    created_at timestamptz NOT NULL DEFAULT now(),
                    expires_at timestamptz NOT NULL
                );
                CREATE INDEX sessions_expiry ON sessions (expires_at);
                CREATE TABLE firings (
                    job text NOT NULL,
                    at timestamptz NOT NULL,
                    run uuid,
                    decided_at timestamptz NOT NULL DEFAULT now(),
                    PRIMARY KEY (job, at)
                );
                -- What names this installation to replicators.
                CREATE TABLE installation (id text PRIMARY KEY);
                INSERT INTO installation VALUES (replace(gen_random_uuid()::text, '-', ''));
                CREATE TABLE schedules (
                    job text PRIMARY KEY,
                    -- The time up to which every firing has been decided.
                    decided_until timestamptz NOT NULL
                ) WITH (fillfactor = 50);
                """
        ),
        .accessControl,
        .sessionValues,
        .operation,
        .schedules,
        .lineage,
        .uncountedAttempts,
        .linesOfDueRuns,
        .knownAgain,
    ]
}
