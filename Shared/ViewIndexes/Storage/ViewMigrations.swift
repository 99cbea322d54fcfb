package import Postgres

extension ViewIndexes {
    /// The tables of this module, in the order in which they came to be; those of the documents are made before.
    package static let migrations: [PostgresMigration] = [
        PostgresMigration(version: 1, name: "indexes, their rows and their blocks", sql: tables),
        PostgresMigration(version: 2, name: "the batch of an index", sql: batchFunction),
        PostgresMigration(version: 3, name: "batches that find the rows of each document", sql: foundBatchFunction),
    ]

    private static let tables = """
        -- An index over the documents of a database: one for all design documents with the same functions.
        CREATE TABLE view_indexes (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
            -- A digest of all that decides about its rows.
            signature bytea NOT NULL,
            -- Up to which change of the database, and which purge, it is.
            seq bigint NOT NULL DEFAULT 0,
            purge_seq bigint NOT NULL DEFAULT 0,
            -- Who brings it up to date, and until when nobody else tries.
            holder text,
            held_until timestamptz,
            -- Why it stands still, as clients are told, and until when nobody tries again.
            failure_status integer,
            failure_error text,
            failure_reason text,
            failed_until timestamptz,
            UNIQUE (database, signature)
        ) WITH (fillfactor = 50);

        -- The views of an index, by their place in its definition.
        CREATE TABLE view_parts (
            view bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            index_id bigint NOT NULL REFERENCES view_indexes ON DELETE CASCADE,
            place integer NOT NULL,
            rows bigint NOT NULL DEFAULT 0,
            bytes bigint NOT NULL DEFAULT 0,
            UNIQUE (index_id, place)
        ) WITH (fillfactor = 50);

        -- The rows. Each is there once for each feed that its document's winner is in: so a user's rows are found in
        -- order, feed by feed, as changes are. The first of them is no echo, and is the one that administrators read.
        CREATE TABLE view_rows (
            index_id bigint NOT NULL,
            view bigint NOT NULL,
            feed bigint NOT NULL,
            echo boolean NOT NULL,
            -- The collation key; of a long one the beginning, and the rest in `tail`.
            key bytea NOT NULL,
            tail bytea,
            id text COLLATE "C" NOT NULL,
            -- The row's place among those that the map emitted for the document.
            position integer NOT NULL,
            document bigint NOT NULL,
            json bytea NOT NULL,
            value bytea NOT NULL
        );
        CREATE UNIQUE INDEX view_rows_order ON view_rows (view, key, id, position) WHERE NOT echo;
        CREATE INDEX view_rows_feed ON view_rows (view, feed, key, id, position);
        CREATE INDEX view_rows_document ON view_rows (index_id, document);

        -- Stretches of neighbouring rows with what is known of each: from where they begin to the next one's beginning.
        -- The first of each view begins with the empty key. How many rows a stretch has is always true; the reduction
        -- is NULL when it must be made anew, and so are then what the first and last keys were.
        CREATE TABLE view_blocks (
            index_id bigint NOT NULL,
            view bigint NOT NULL,
            key bytea NOT NULL,
            id text COLLATE "C" NOT NULL,
            position integer NOT NULL,
            rows bigint NOT NULL,
            -- Changes with the rows.
            version bigint NOT NULL DEFAULT 0,
            first_key bytea,
            last_key bytea,
            first_json bytea,
            reduction bytea,
            PRIMARY KEY (view, key, id, position)
        ) WITH (fillfactor = 70);

        -- The documents that have no rows because a map failed.
        CREATE TABLE view_failures (
            index_id bigint NOT NULL,
            document bigint NOT NULL,
            view bigint NOT NULL,
            reason text NOT NULL,
            PRIMARY KEY (index_id, document, view)
        );

        -- No foreign keys for these, which would look up each row once more.
        CREATE FUNCTION forget_view_rows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM view_rows USING gone WHERE view_rows.index_id = gone.id;
            DELETE FROM view_blocks USING gone WHERE view_blocks.index_id = gone.id;
            DELETE FROM view_failures USING gone WHERE view_failures.index_id = gone.id;
            RETURN NULL;
        END
        $$;
        CREATE INDEX view_blocks_index ON view_blocks (index_id);
        CREATE TRIGGER view_indexes_rows AFTER DELETE ON view_indexes
            REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_view_rows();
        """

    /// Takes the rows of some documents away, puts others in their place, and moves the index from one change to
    /// another; false, and nothing done, when the index is not where it is expected.
    ///
    /// An index can be made again: what a crash of the server takes away of it, it takes away with its position.
    private static let batchFunction = """
        CREATE FUNCTION apply_view_batch(
            in_index bigint, in_from bigint, in_to bigint, in_purge bigint, documents bigint[],
            row_views bigint[], row_feeds bigint[], row_echoes boolean[], row_keys bytea[], row_tails bytea[],
            row_ids text[], row_positions integer[], row_documents bigint[], row_jsons bytea[], row_values bytea[],
            failed_documents bigint[], failed_views bigint[], failures text[]
        ) RETURNS boolean LANGUAGE plpgsql
        SET enable_seqscan = off
        AS $$
        DECLARE
            gone_views bigint[];
            gone_keys bytea[];
            gone_ids text[];
            gone_positions integer[];
            gone_sizes integer[];
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            UPDATE view_indexes
            SET seq = in_to, purge_seq = in_purge, held_until = now() + interval '15 seconds'
            WHERE view_indexes.id = in_index AND seq = in_from;
            IF NOT FOUND THEN
                RETURN false;
            END IF;

            WITH gone AS (
                DELETE FROM view_rows WHERE index_id = in_index AND document = ANY (documents)
                RETURNING view, key, id, position, echo, octet_length(json) + octet_length(value) AS size
            )
            SELECT array_agg(view), array_agg(key), array_agg(id), array_agg(position), array_agg(size)
            INTO gone_views, gone_keys, gone_ids, gone_positions, gone_sizes
            FROM gone WHERE NOT echo;

            INSERT INTO view_rows (index_id, view, feed, echo, key, tail, id, position, document, json, value)
            SELECT in_index, new.* FROM unnest(
                row_views, row_feeds, row_echoes, row_keys, row_tails, row_ids, row_positions, row_documents,
                row_jsons, row_values
            ) AS new;

            DELETE FROM view_failures WHERE index_id = in_index AND document = ANY (documents);
            INSERT INTO view_failures (index_id, document, view, reason)
            SELECT in_index, new.* FROM unnest(failed_documents, failed_views, failures) AS new;

            WITH changed AS (
                SELECT view, key, id, position, -1 AS rows, -size AS size
                FROM unnest(gone_views, gone_keys, gone_ids, gone_positions, gone_sizes)
                    AS gone (view, key, id, position, size)
                UNION ALL
                SELECT view, key, id, position, 1, octet_length(json) + octet_length(value)
                FROM unnest(row_views, row_keys, row_ids, row_positions, row_echoes, row_jsons, row_values)
                    AS new (view, key, id, position, echo, json, value)
                WHERE NOT echo
            ), totals AS (
                UPDATE view_parts SET rows = view_parts.rows + total.rows, bytes = view_parts.bytes + total.size
                FROM (SELECT view, sum(rows) AS rows, sum(size) AS size FROM changed GROUP BY view) AS total
                WHERE view_parts.view = total.view
            )
            UPDATE view_blocks AS block
            SET rows = block.rows + touched.rows, version = version + 1, reduction = NULL
            FROM (
                SELECT changed.view, place.key, place.id, place.position, sum(changed.rows) AS rows
                FROM changed CROSS JOIN LATERAL (
                    SELECT key, id, position FROM view_blocks
                    WHERE view_blocks.view = changed.view
                        AND (view_blocks.key, view_blocks.id, view_blocks.position)
                            <= (changed.key, changed.id, changed.position)
                    ORDER BY view_blocks.key DESC, view_blocks.id DESC, view_blocks.position DESC LIMIT 1
                ) AS place
                GROUP BY 1, 2, 3, 4
            ) AS touched
            WHERE block.view = touched.view AND block.key = touched.key AND block.id = touched.id
                AND block.position = touched.position;
            RETURN true;
        END
        $$;

        -- The index of that signature with its views, made where it is new.
        CREATE FUNCTION make_view_index(in_database integer, in_signature bytea, in_parts integer)
        RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            made bigint;
        BEGIN
            INSERT INTO view_indexes (database, signature) VALUES (in_database, in_signature)
            ON CONFLICT DO NOTHING RETURNING view_indexes.id INTO made;
            IF made IS NULL THEN
                SELECT view_indexes.id INTO made FROM view_indexes
                WHERE database = in_database AND signature = in_signature;
                RETURN made;
            END IF;
            INSERT INTO view_parts (index_id, place) SELECT made, place FROM generate_series(0, in_parts - 1) AS place;
            INSERT INTO view_blocks (index_id, view, key, id, position, rows)
            SELECT made, view, '', '', 0, 0 FROM view_parts WHERE index_id = made;
            RETURN made;
        END
        $$;
        """
}
