import Postgres

extension PostgresMigration {
    /// Attempts that are not held against a run.
    static let uncountedAttempts = PostgresMigration(
        version: 10,
        name: "attempts that are not counted",
        sql: """
            -- How many of the attempts only found out that something the run needs was away. A run that has waited for
            -- days has all its attempts left.
            ALTER TABLE runs ADD COLUMN uncounted integer NOT NULL DEFAULT 0;
            """
    )
}
