import Postgres

extension DocumentStore {
    /// What the resources of a database need beside its documents.
    static let resourceTables = """
        ALTER TABLE databases
            -- The security object, as its writer wrote it; NULL for CouchDB's default.
            ADD COLUMN security bytea,
            ADD COLUMN purge_seq bigint NOT NULL DEFAULT 0,
            ADD COLUMN purged_infos_limit integer NOT NULL DEFAULT 1000 CHECK (purged_infos_limit > 0);

        -- The newest purges, as many as the limit says.
        CREATE TABLE purges (
            database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
            seq bigint NOT NULL,
            id text COLLATE "C" NOT NULL,
            revs text[] NOT NULL,
            PRIMARY KEY (database, seq)
        );

        -- Up to which change of the log superseded bodies are gone. Whoever compacts locks the row, so that of many
        -- processes one does it at a time.
        CREATE TABLE compactions (
            database integer PRIMARY KEY REFERENCES databases ON DELETE CASCADE,
            seq bigint NOT NULL DEFAULT 0,
            -- Whether an administrator wants it done now, however young the bodies are.
            requested boolean NOT NULL DEFAULT false
        );

        -- Takes documents away as if they had never been, under the database's counter. `expected` is as in
        -- `commit_documents`; the entries are those of the feeds that the documents are in.
        CREATE FUNCTION remove_documents(
            in_database integer, ids text[], expected bigint[], entry_places integer[], entry_feeds bigint[],
            live_count bigint, deleted_count bigint
        ) RETURNS void LANGUAGE plpgsql
        SET enable_seqscan = off
        AS $$
        DECLARE
            numbers bigint[];
        BEGIN
            UPDATE counters SET live = live - live_count, deleted = deleted - deleted_count
            WHERE database = in_database;
            IF NOT FOUND THEN
                RAISE no_data_found;
            END IF;

            SELECT array_agg(found.number ORDER BY asked.place) INTO numbers
            FROM unnest(ids, expected) WITH ORDINALITY AS asked (id, seq, place)
            CROSS JOIN LATERAL (
                SELECT number FROM documents
                WHERE documents.database = in_database AND documents.id = asked.id AND documents.seq = asked.seq LIMIT 1
            ) AS found;
            IF coalesce(cardinality(numbers), 0) <> cardinality(ids) THEN
                RAISE serialization_failure;
            END IF;

            DELETE FROM feed_entries WHERE (feed, document) IN (
                SELECT feed, numbers[place] FROM unnest(entry_places, entry_feeds) AS gone (place, feed)
            );
            DELETE FROM bodies WHERE document = ANY (numbers);
            DELETE FROM documents WHERE number = ANY (numbers);
        END
        $$;
        """
}
