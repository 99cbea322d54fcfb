import Postgres

extension DocumentStore {
    /// By what a restored backup is recognised.
    static let incarnationMigration = PostgresMigration(
        version: 8,
        name: "restored backups",
        sql: """
            -- What the database was made with: what is restored with the database counts on after a restore, too.
            ALTER TABLE databases ADD COLUMN original_incarnation text;
            UPDATE databases SET original_incarnation = incarnation;
            ALTER TABLE databases ALTER COLUMN original_incarnation SET NOT NULL;

            -- Which PostgreSQL this was in when somebody looked last.
            CREATE TABLE cluster_identity (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                identity text NOT NULL
            );
            """
    )
}
