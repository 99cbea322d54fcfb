package import Postgres

extension DocumentStore {
    /// The tables of this module, in the order in which they came to be.
    package static let migrations: [PostgresMigration] = [
        PostgresMigration(version: 1, name: "documents, feeds and groups", sql: tables),
        PostgresMigration(version: 2, name: "the commit of a batch", sql: commitFunction),
        attachmentsMigration,
        PostgresMigration(version: 4, name: "resources of a database", sql: resourceTables),
        newDocumentsMigration,
        sequenceIndexMigration,
        departureMigration,
        incarnationMigration,
        sizesMigration,
        commitMigration,
        endingMigration,
    ]

    private static let tables = """
        CREATE TABLE databases (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE,
            -- Changes when the database is made anew or restored, so that checkpoints of before are recognised.
            incarnation text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            anonymous_read boolean NOT NULL DEFAULT false,
            public_writes boolean NOT NULL DEFAULT false,
            owner_member text NOT NULL DEFAULT '~owner',
            groups_member text NOT NULL DEFAULT '~groups',
            revision_limit integer NOT NULL DEFAULT 20 CHECK (revision_limit BETWEEN 1 AND 10000)
        );

        -- The one row per database that every commit locks, last of all and until its end: so the order of the numbers
        -- is the order of the commits, and who has read up to a number has missed nothing below it.
        CREATE TABLE counters (
            database integer PRIMARY KEY REFERENCES databases ON DELETE CASCADE,
            seq bigint NOT NULL DEFAULT 0,
            live bigint NOT NULL DEFAULT 0,
            deleted bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 10);

        -- A document's hot row: what feeds and rights need. Bodies are kept apart, so that no flag rewrites one.
        -- (This table and those that hang on it have no foreign keys, which would look up each row of a commit once
        -- more: only the commit function writes them, and only the deletion of a database deletes from them.)
        CREATE TABLE documents (
            number bigint GENERATED ALWAYS AS IDENTITY,
            database integer NOT NULL,
            id text COLLATE "C" NOT NULL,
            seq bigint NOT NULL,
            -- The winning revision, whether it is a tombstone, and its tags.
            rev text COLLATE "C" NOT NULL,
            deleted boolean NOT NULL,
            owner text,
            groups jsonb NOT NULL DEFAULT '[]',
            -- How many leaves the tree has; with one the columns above say all about it.
            leaves smallint NOT NULL,
            tree bytea NOT NULL,
            PRIMARY KEY (database, id)
        ) WITH (fillfactor = 85);
        CREATE UNIQUE INDEX documents_seq ON documents (database, seq);
        CREATE UNIQUE INDEX documents_number ON documents (number);
        ALTER TABLE documents ALTER COLUMN tree SET STORAGE EXTERNAL;

        -- Every committed change, for those that must see each one and not only a document's last: the publisher of
        -- change events, and listeners. Pruned behind the slowest of them.
        CREATE TABLE change_log (
            database integer NOT NULL,
            seq bigint NOT NULL,
            id text COLLATE "C" NOT NULL,
            rev text COLLATE "C" NOT NULL,
            deleted boolean NOT NULL,
            owner text,
            groups jsonb NOT NULL,
            -- Who wrote it, which listeners choose by, and the trace that it carries on.
            origin text NOT NULL,
            author text,
            trace_id text,
            -- The feeds whose readers lost something by it (`owner:ann`, `group:red`, `everybody:`), to be woken.
            bereft text[],
            committed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (database, seq)
        );

        CREATE TABLE bodies (
            document bigint NOT NULL,
            rev text COLLATE "C" NOT NULL,
            body jsonb NOT NULL,
            -- The text as it was written, where JSONB would not give the same value back.
            exact bytea,
            PRIMARY KEY (document, rev)
        );
        ALTER TABLE bodies ALTER COLUMN body SET COMPRESSION lz4;

        -- Whom a document belongs to: a feed for everybody, for each owner and for each group of a database. (And one
        -- for each user who has left a group: what that user lost by it. No document is ever present in that.)
        CREATE TABLE feeds (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
            kind text NOT NULL CHECK (kind IN ('everybody', 'owner', 'group', 'revoked')),
            name text NOT NULL,
            UNIQUE (database, kind, name)
        );
        -- The place of a document in a feed: its last change, or the change by which it left the feed.
        CREATE TABLE feed_entries (
            feed bigint NOT NULL,
            document bigint NOT NULL,
            seq bigint NOT NULL,
            present boolean NOT NULL,
            -- What the feed's readers lost by changes of the document, and whether there is any: see `Loss`.
            lossy boolean NOT NULL DEFAULT false,
            losses bytea[],
            PRIMARY KEY (feed, document)
        ) WITH (fillfactor = 85);
        CREATE INDEX feed_entries_seq ON feed_entries (feed, seq) INCLUDE (document, present, lossy);

        -- Not replicated: checkpoints above all. `owner` is the user whose they are, or empty for administrators.
        CREATE TABLE local_documents (
            database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
            owner text NOT NULL,
            id text COLLATE "C" NOT NULL,
            revision integer NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (database, owner, id)
        ) WITH (fillfactor = 70);

        -- Who is in which group, and who says so: a user stays in a group while anyone says so.
        CREATE TABLE memberships (
            user_name text NOT NULL,
            group_name text NOT NULL,
            source text NOT NULL CHECK (source IN ('administrator', 'login', 'sequence')),
            PRIMARY KEY (user_name, group_name, source)
        );
        CREATE INDEX memberships_group ON memberships (group_name, user_name);
        -- Joining and leaving take numbers of the same order as changes, in every database.
        CREATE TABLE membership_events (
            database integer NOT NULL REFERENCES databases ON DELETE CASCADE,
            seq bigint NOT NULL,
            user_name text NOT NULL,
            group_name text NOT NULL,
            joined boolean NOT NULL,
            PRIMARY KEY (database, seq)
        );
        CREATE INDEX membership_events_user ON membership_events (database, user_name, seq);
        """

    /// Commits the planned changes of one batch, in the order given, under the database's counter.
    ///
    /// `expected` is the sequence number at which each document was read when its change was planned, 0 for one that
    /// did not exist; when another commit came between, the batch fails as a serialization failure and is planned anew.
    private static let commitFunction = """
        CREATE FUNCTION commit_documents(
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

            WITH saved AS (
                INSERT INTO documents (database, id, seq, rev, deleted, owner, groups, leaves, tree)
                SELECT in_database, id, base + place, rev, tombstone, owner, groups, leaves, tree
                FROM unnest(ids, revs, tombstones, owners, group_lists, leaf_counts, trees) WITH ORDINALITY
                    AS new (id, rev, tombstone, owner, groups, leaves, tree, place)
                ON CONFLICT (database, id) DO UPDATE
                SET seq = excluded.seq, rev = excluded.rev, deleted = excluded.deleted, owner = excluded.owner,
                    groups = excluded.groups, leaves = excluded.leaves, tree = excluded.tree
                RETURNING seq, number
            )
            SELECT array_agg(number ORDER BY seq) INTO numbers FROM saved;

            INSERT INTO change_log (database, seq, id, rev, deleted, owner, groups, origin, author, trace_id)
            SELECT in_database, base + place, id, rev, tombstone, owner, groups, origin, author, trace_id
            FROM unnest(ids, revs, tombstones, owners, group_lists, in_origins, authors, trace_ids) WITH ORDINALITY
                AS new (id, rev, tombstone, owner, groups, origin, author, trace_id, place);

            PERFORM hold_contents(body_attachments);
            INSERT INTO bodies (document, rev, body, exact, attachments)
            SELECT numbers[place], rev, body, exact, attachments
            FROM unnest(body_places, body_revs, body_values, body_texts, body_attachments)
                AS new (place, rev, body, exact, attachments)
            ON CONFLICT DO NOTHING;

            INSERT INTO feed_entries AS old (feed, document, seq, present, lossy, losses)
            SELECT feed, numbers[place], base + place, present, loss IS NOT NULL,
                CASE WHEN loss IS NOT NULL THEN ARRAY[int8send(base + place) || loss] END
            FROM unnest(entry_places, entry_feeds, entry_presences, entry_losses) AS new (place, feed, present, loss)
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
