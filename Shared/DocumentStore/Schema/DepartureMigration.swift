import Postgres

extension DocumentStore {
    /// What is left to do when users leave groups.
    static let departureMigration = PostgresMigration(
        version: 7,
        name: "users who leave groups",
        sql: """
            -- A user who has left a group, as far as what the user lost by it is not noted yet: see `Departure`.
            CREATE TABLE departures (
                user_name text NOT NULL,
                database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
                feed bigint NOT NULL,
                -- The number behind which the user was not in the group, and the last document that there was then.
                seq bigint NOT NULL,
                last_document bigint NOT NULL,
                -- The document up to which the feed has been looked at.
                place bigint NOT NULL DEFAULT 0,
                -- The user's groups before and after it.
                before text[] NOT NULL,
                after text[] NOT NULL,
                PRIMARY KEY (user_name, database, feed)
            );
            """
    )
}
