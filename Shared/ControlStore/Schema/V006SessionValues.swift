import Postgres

extension PostgresMigration {
    /// What sequences keep with sessions.
    static let sessionValues = PostgresMigration(
        version: 6,
        name: "values of sessions",
        sql: """
            CREATE TABLE session_values (
                -- A session, or one that a login is about to begin.
                session uuid NOT NULL,
                name text COLLATE "C" NOT NULL,
                -- JSON text.
                value bytea NOT NULL,
                changed_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (session, name)
            );
            CREATE FUNCTION forget_session_values() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                DELETE FROM session_values USING ended WHERE session_values.session = ended.id;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER sessions_ended AFTER DELETE ON sessions REFERENCING OLD TABLE AS ended
                FOR EACH STATEMENT EXECUTE FUNCTION forget_session_values();
            """
    )
}
