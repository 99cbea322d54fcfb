import Postgres

extension DocumentStore {
    /// The indexes by number, for those statements alone that say `seq > 0`, which holds of every row.
    ///
    /// A prepared statement is often planned while its database is small or new, when PostgreSQL takes both indexes of
    /// a table for equally good, and is used on when it has grown. So a look-up by id read every change of the
    /// database: it was half of what PostgreSQL did while documents were written, and grew with the database. To a
    /// statement without that condition these indexes are not there; whoever reads by number says it.
    static let sequenceIndexMigration = PostgresMigration(
        version: 6,
        name: "indexes by number",
        sql: """
            DROP INDEX documents_seq;
            CREATE UNIQUE INDEX documents_seq ON documents (database, seq) WHERE seq > 0;
            DROP INDEX feed_entries_seq;
            CREATE INDEX feed_entries_seq ON feed_entries (feed, seq) INCLUDE (document, present, lossy) WHERE seq > 0;
            """
    )
}
