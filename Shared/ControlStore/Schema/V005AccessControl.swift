import Postgres

extension PostgresMigration {
    /// The built-in user directory, sessions that can be listed, and the number that says that rights have changed.
    static let accessControl = PostgresMigration(
        version: 5,
        name: "user directory and access epoch",
        sql: """
            CREATE TABLE directory_users (
                name text COLLATE "C" PRIMARY KEY,
                -- The hash with its salt and its parameters, as `PasswordHash` writes it.
                password text NOT NULL,
                -- Another one with each password, so that what stands on an earlier password is recognised.
                generation bigint NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                changed_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE SEQUENCE directory_generations;

            -- What an administrator names a session by: the token's digest opens nothing, but need not be shown either.
            ALTER TABLE sessions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
            ALTER TABLE sessions ADD COLUMN address text;
            ALTER TABLE sessions ADD COLUMN user_agent text;
            CREATE UNIQUE INDEX sessions_id ON sessions (id);
            CREATE INDEX sessions_user ON sessions (user_name);

            -- Counts up, in the transaction that does it, whenever somebody's rights become others: a session that is
            -- ended, a membership, a password. Who looks at it once a second misses nothing, whatever message is lost.
            CREATE TABLE access_epoch (epoch bigint NOT NULL) WITH (fillfactor = 10);
            INSERT INTO access_epoch VALUES (0);
            """
    )
}
