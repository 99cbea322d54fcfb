extension ViewIndexes {
    /// The function of migration 2, as it does the same for an index of any size.
    ///
    /// PostgreSQL takes `document = ANY (…)` for a filter of all the index's rows while its statistics say that there
    /// are few, which they do until the first build has ended. So each document's rows are looked up by themselves.
    /// The plans are those for any batch: one for each batch costs as much again, as it copies the batch's arrays.
    static let foundBatchFunction = """
        CREATE OR REPLACE FUNCTION apply_view_batch(
            in_index bigint, in_from bigint, in_to bigint, in_purge bigint, documents bigint[],
            row_views bigint[], row_feeds bigint[], row_echoes boolean[], row_keys bytea[], row_tails bytea[],
            row_ids text[], row_positions integer[], row_documents bigint[], row_jsons bytea[], row_values bytea[],
            failed_documents bigint[], failed_views bigint[], failures text[]
        ) RETURNS boolean LANGUAGE plpgsql
        SET enable_seqscan = off
        SET plan_cache_mode = force_generic_plan
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
                DELETE FROM view_rows
                WHERE ctid = ANY (ARRAY(
                    SELECT found.place FROM unnest(documents) AS asked (document) CROSS JOIN LATERAL (
                        SELECT ctid AS place FROM view_rows
                        WHERE index_id = in_index AND view_rows.document = asked.document OFFSET 0
                    ) AS found
                ))
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

            DELETE FROM view_failures USING unnest(documents) AS asked (document)
            WHERE index_id = in_index AND view_failures.document = asked.document;
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
        """
}
