import Postgres

extension PostgresMigration {
    /// By what the turns of loops, the places of runs in line, and firings that were left out are known later.
    static let knownAgain = PostgresMigration(
        version: 12,
        name: "turns of loops, lines of runs that were set aside, missed firings",
        sql: """
            -- The key of the digests by which the run knows the turns of its loops; null where they are known by their
            -- numbers, as those of all runs were before. No default: who begins a run first sets it, and a worker of
            -- before this, which goes on beside others for a while, does not, and notes what it does by numbers.
            ALTER TABLE runs ADD COLUMN turn_key text;
            -- The lines that the run stood in when it was set aside so that others might go on.
            ALTER TABLE runs ADD COLUMN left_lines text[];
            -- Firings that nobody was there for and that are left out: the last of some, and how many they are. Not
            -- among the firings, whose times are decided once: a clock that is put back comes to these again.
            CREATE TABLE missed_firings (
                job text NOT NULL,
                last timestamptz NOT NULL,
                count integer NOT NULL,
                decided_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (job, last)
            );
            """
    )
}
