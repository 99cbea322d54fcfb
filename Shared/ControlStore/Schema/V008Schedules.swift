import Postgres

extension PostgresMigration {
    /// From when on a job's schedule counts.
    static let schedules = PostgresMigration(
        version: 8,
        name: "from when on schedules count",
        sql: """
            -- The schedule for which firings were decided; null where it is not known.
            ALTER TABLE schedules ADD COLUMN schedule text;
            -- Null while the job is new, and nothing of it was decided.
            ALTER TABLE schedules ALTER COLUMN decided_until DROP NOT NULL;
            """
    )
}
