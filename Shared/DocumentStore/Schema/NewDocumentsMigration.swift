import Postgres

extension DocumentStore {
    /// The commit of a batch, as in migration 2 but for how it inserts what is new.
    static let newDocumentsMigration = PostgresMigration(version: 5, name: "new documents at once", sql: commitOfNew)

    /// Inserts documents that are new without asking for conflicts.
    ///
    /// That they are new was seen under the counter, which lets one commit through at a time. It takes a third less of
    /// PostgreSQL's time.
    private static let commitOfNew = """
        CREATE OR REPLACE FUNCTION commit_documents(
            in_database integer, ids text[], expected bigint[], revs text[], tombstones boolean[], owners text[],
            group_lists jsonb[], leaf_counts smallint[], trees bytea[], in_origins text[], authors text[],
            trace_ids text[], live_change bigint, deleted_change bigint,
            body_places integer[], body_revs text[], body_values jsonb[], body_texts bytea[],
            body_attachments jsonb[],
            entry_places integer[], entry_feeds bigint[], entry_presences boolean[], entry_losses bytea[],
            bereft_places integer[], bereft_feeds text[]
        ) RETURNS bigint LANGUAGE plpgsql
        -- A plan that was made while the tables were small is used on when they have grown; so no statement here joins
        -- one, and none may read one whole.
        SET enable_seqscan = off
        AS $$
        DECLARE
            base bigint;
            numbers bigint[];
        BEGIN
            UPDATE counters
            SET seq = seq + cardinality(ids), live = live + live_change, deleted = deleted + deleted_change
            WHERE database = in_database
            RETURNING seq - cardinality(ids) INTO base;
            IF NOT FOUND THEN
                RAISE no_data_found;
            END IF;

            IF EXISTS (
                SELECT FROM unnest(ids, expected) AS new (id, seq)
                WHERE new.seq <> coalesce(
                    (SELECT old.seq FROM documents AS old WHERE old.database = in_database AND old.id = new.id), 0
                )
            ) THEN
                RAISE serialization_failure;
            END IF;

            WITH made AS (
                INSERT INTO documents (database, id, seq, rev, deleted, owner, groups, leaves, tree)
                SELECT in_database, id, base + place, rev, tombstone, owner, groups, leaves, tree
                FROM unnest(ids, expected, revs, tombstones, owners, group_lists, leaf_counts, trees) WITH ORDINALITY
                    AS new (id, seq, rev, tombstone, owner, groups, leaves, tree, place)
                WHERE new.seq = 0
                RETURNING seq, number
            ), changed AS (
                INSERT INTO documents (database, id, seq, rev, deleted, owner, groups, leaves, tree)
                SELECT in_database, id, base + place, rev, tombstone, owner, groups, leaves, tree
                FROM unnest(ids, expected, revs, tombstones, owners, group_lists, leaf_counts, trees) WITH ORDINALITY
                    AS new (id, seq, rev, tombstone, owner, groups, leaves, tree, place)
                WHERE new.seq > 0
                ON CONFLICT (database, id) DO UPDATE
                SET seq = excluded.seq, rev = excluded.rev, deleted = excluded.deleted, owner = excluded.owner,
                    groups = excluded.groups, leaves = excluded.leaves, tree = excluded.tree
                RETURNING seq, number
            )
            SELECT array_agg(number ORDER BY seq) INTO numbers
            FROM (SELECT seq, number FROM made UNION ALL SELECT seq, number FROM changed) AS saved;

            INSERT INTO change_log (database, seq, id, rev, deleted, owner, groups, origin, author, trace_id)
            SELECT in_database, base + place, id, rev, tombstone, owner, groups, origin, author, trace_id
            FROM unnest(ids, revs, tombstones, owners, group_lists, in_origins, authors, trace_ids) WITH ORDINALITY
                AS new (id, rev, tombstone, owner, groups, origin, author, trace_id, place);

            PERFORM hold_contents(body_attachments);
            INSERT INTO bodies (document, rev, body, exact, attachments)
            SELECT numbers[place], rev, body, exact, attachments
            FROM unnest(body_places, body_revs, body_values, body_texts, body_attachments)
                AS new (place, rev, body, exact, attachments)
            WHERE expected[place] = 0;
            INSERT INTO bodies (document, rev, body, exact, attachments)
            SELECT numbers[place], rev, body, exact, attachments
            FROM unnest(body_places, body_revs, body_values, body_texts, body_attachments)
                AS new (place, rev, body, exact, attachments)
            WHERE expected[place] > 0
            ON CONFLICT DO NOTHING;

            -- A new document was in no feed, and nobody can have lost it.
            INSERT INTO feed_entries (feed, document, seq, present)
            SELECT feed, numbers[place], base + place, present
            FROM unnest(entry_places, entry_feeds, entry_presences) AS new (place, feed, present)
            WHERE expected[place] = 0;
            INSERT INTO feed_entries AS old (feed, document, seq, present, lossy, losses)
            SELECT feed, numbers[place], base + place, present, loss IS NOT NULL,
                CASE WHEN loss IS NOT NULL THEN ARRAY[int8send(base + place) || loss] END
            FROM unnest(entry_places, entry_feeds, entry_presences, entry_losses) AS new (place, feed, present, loss)
            WHERE expected[place] > 0
            ON CONFLICT (feed, document) DO UPDATE
            SET seq = excluded.seq, present = excluded.present,
                lossy = old.lossy OR excluded.lossy,
                -- The newest are enough: their leaves bring their ancestors along.
                losses = CASE WHEN excluded.lossy
                    THEN (old.losses || excluded.losses)[greatest(cardinality(old.losses) - 18, 1):]
                    ELSE old.losses END;

            IF cardinality(bereft_places) > 0 THEN
                UPDATE change_log SET bereft = lost.feeds
                FROM (
                    SELECT place, array_agg(feed) AS feeds FROM unnest(bereft_places, bereft_feeds) AS new (place, feed)
                    GROUP BY place
                ) AS lost
                WHERE database = in_database AND seq = base + lost.place;
            END IF;

            RETURN base;
        END
        $$;
        """
}
