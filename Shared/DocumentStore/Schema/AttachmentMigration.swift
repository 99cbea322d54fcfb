import Postgres

extension DocumentStore {
    /// The contents of attachments, each once, and who refers to them.
    static let attachmentsMigration = PostgresMigration(version: 3, name: "attachments", sql: attachmentTables)

    private static let attachmentTables = """
        -- A content that attachments have, once for all documents. While it arrives it has no digests, and nobody can
        -- find it by them.
        CREATE TABLE attachment_contents (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            sha256 bytea UNIQUE,
            md5 bytea,
            length bigint NOT NULL DEFAULT 0
        );
        CREATE TABLE attachment_chunks (
            content bigint NOT NULL REFERENCES attachment_contents ON DELETE CASCADE,
            place integer NOT NULL,
            data bytea NOT NULL,
            PRIMARY KEY (content, place)
        );
        -- Pictures and archives do not get smaller, and a compressed value cannot be cut without being unpacked.
        ALTER TABLE attachment_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

        -- Contents to which perhaps nothing refers: those that arrived or were found again, and those of bodies that
        -- were deleted. Only these are looked at by the sweep, so its cost follows what happens.
        CREATE TABLE loose_contents (
            content bigint NOT NULL,
            since timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX loose_contents_content ON loose_contents (content);
        CREATE INDEX loose_contents_since ON loose_contents (since);

        -- The attachments of a revision, an array of objects; null when there are none.
        ALTER TABLE bodies ADD COLUMN attachments jsonb;
        CREATE INDEX bodies_attachments ON bodies USING gin (attachments jsonb_path_ops)
            WITH (fastupdate = off) WHERE attachments IS NOT NULL;

        CREATE FUNCTION loosen_contents() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO loose_contents (content)
            SELECT DISTINCT (entry->>'content')::bigint FROM jsonb_array_elements(old.attachments) AS entry;
            RETURN NULL;
        END
        $$;
        CREATE TRIGGER bodies_attachments AFTER DELETE ON bodies
            FOR EACH ROW WHEN (old.attachments IS NOT NULL) EXECUTE FUNCTION loosen_contents();

        -- Locks the contents that revisions are about to refer to, for the commit that calls it. When one has been
        -- swept since the commit was planned, the plan is worth nothing.
        CREATE FUNCTION hold_contents(lists jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            wanted bigint[];
            held integer;
        BEGIN
            wanted := ARRAY(
                SELECT DISTINCT (entry->>'content')::bigint
                FROM unnest(lists) AS list (entries) CROSS JOIN LATERAL jsonb_array_elements(list.entries) AS entry
            );
            IF cardinality(wanted) > 0 THEN
                PERFORM FROM attachment_contents WHERE id = ANY (wanted) ORDER BY id FOR KEY SHARE;
                GET DIAGNOSTICS held = ROW_COUNT;
                IF held <> cardinality(wanted) THEN
                    RAISE serialization_failure;
                END IF;
            END IF;
        END
        $$;

        -- Gives a content that has arrived its digests; answers the content that has them, which may be an older one.
        CREATE FUNCTION finish_content(
            in_content bigint, in_sha256 bytea, in_md5 bytea, in_length bigint
        ) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            known bigint;
        BEGIN
            LOOP
                SELECT id INTO known FROM attachment_contents WHERE sha256 = in_sha256 FOR KEY SHARE;
                IF FOUND THEN
                    INSERT INTO loose_contents (content) VALUES (known);
                    DELETE FROM attachment_contents WHERE id = in_content;
                    RETURN known;
                END IF;
                BEGIN
                    UPDATE attachment_contents SET sha256 = in_sha256, md5 = in_md5, length = in_length
                    WHERE id = in_content;
                    IF NOT FOUND THEN
                        RAISE no_data_found;
                    END IF;
                    INSERT INTO loose_contents (content) VALUES (in_content);
                    RETURN in_content;
                EXCEPTION WHEN unique_violation THEN
                    -- Another has finished the same content in between: look again.
                END;
            END LOOP;
        END
        $$;

        -- Deletes contents that have been loose for that long and that no revision has; answers how many entries were
        -- looked at.
        --
        -- The rows are locked first, as a commit locks those that it refers to, and asked about in a statement of its
        -- own: so it sees every reference that was committed before the lock, and later ones do not find the row.
        CREATE FUNCTION sweep_contents(in_age interval, in_limit integer) RETURNS integer LANGUAGE plpgsql
        SET enable_seqscan = off
        AS $$
        DECLARE
            looked_at bigint[];
            candidates bigint[];
            entries integer;
        BEGIN
            SELECT array_agg(DISTINCT content), count(*) INTO looked_at, entries FROM (
                SELECT content FROM loose_contents WHERE since < now() - in_age ORDER BY since LIMIT in_limit
            ) AS old;
            SELECT array_agg(id) INTO candidates FROM (
                SELECT id FROM attachment_contents WHERE id = ANY (looked_at) ORDER BY id FOR UPDATE SKIP LOCKED
            ) AS free;

            DELETE FROM attachment_contents AS content
            WHERE content.id = ANY (candidates)
                AND NOT EXISTS (
                    SELECT FROM loose_contents AS young
                    WHERE young.content = content.id AND young.since >= now() - in_age
                )
                AND NOT EXISTS (
                    SELECT FROM bodies
                    WHERE bodies.attachments @> jsonb_build_array(jsonb_build_object('content', content.id))
                );

            DELETE FROM loose_contents
            WHERE since < now() - in_age AND content = ANY (looked_at)
                AND (content = ANY (candidates) OR NOT EXISTS (SELECT FROM attachment_contents WHERE id = content));
            RETURN entries;
        END
        $$;
        """
}
