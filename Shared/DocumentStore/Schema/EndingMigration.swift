import Postgres

extension DocumentStore {
    /// Which tombstone a deletion was, where it is not the one that is shown.
    static let endingMigration = PostgresMigration(
        version: 11,
        name: "endings",
        sql: """
            -- Of a deletion the tombstone of the branch that was the document until then, with its tags, when `rev` is
            -- another: the greatest of all tombstones is, and they may be of branches that ended long before.
            ALTER TABLE change_log ADD COLUMN ending jsonb;

            -- Notes the endings of a batch that was committed behind `base`, and returns that.
            CREATE FUNCTION note_endings(base bigint, in_database integer, places integer[], endings jsonb[])
            RETURNS bigint LANGUAGE plpgsql
            SET enable_seqscan = off
            AS $$
            BEGIN
                UPDATE change_log SET ending = new.ending
                FROM unnest(places, endings) AS new (place, ending)
                WHERE database = in_database AND seq = base + new.place;
                RETURN base;
            END
            $$;
            """
    )
}
