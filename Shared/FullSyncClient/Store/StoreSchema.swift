import CouchProtocol
import Foundation
import GRDB

/// The tables of a device's database.
///
/// A document is a row of `documents` (its revision tree, whose leaves name their rows of `bodies`). The bodies of
/// revisions that others have replaced are not kept. What an attachment holds is stored once, however many revisions
/// have it, in pieces.
enum StoreSchema {
    /// Brings a database of any earlier version to the present one; a database of a later version is refused.
    static func migrate(_ writer: some DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            for statement in version1 { try db.execute(sql: statement) }
            let identity = UUID().uuidString.lowercased()
            try db.execute(sql: "INSERT INTO state (identity, sequence) VALUES (?, 0)", arguments: [identity])
        }
        guard try !writer.read(migrator.hasBeenSuperseded) else {
            throw CouchError.preconditionFailed("The database was made by a later version of this program.")
        }
        try migrator.migrate(writer)
    }

    private static let version1 = [
        // `is_local`: the device has edited the document, so a push must look at it.
        """
        CREATE TABLE documents (
            id TEXT NOT NULL PRIMARY KEY,
            sequence INTEGER NOT NULL,
            is_deleted INTEGER NOT NULL,
            is_local INTEGER NOT NULL,
            tree BLOB NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX documents_by_sequence ON documents (sequence)",
        "CREATE INDEX local_documents_by_sequence ON documents (sequence) WHERE is_local",
        """
        CREATE TABLE bodies (
            number INTEGER PRIMARY KEY,
            body BLOB NOT NULL,
            owner TEXT,
            group_names TEXT,
            has_attachments INTEGER NOT NULL
        )
        """,
        "CREATE TABLE contents (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, length INTEGER NOT NULL)",
        """
        CREATE TABLE pieces (
            content INTEGER NOT NULL REFERENCES contents ON DELETE CASCADE,
            place INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (content, place)
        )
        """,
        """
        CREATE TABLE attachments (
            body INTEGER NOT NULL REFERENCES bodies ON DELETE CASCADE,
            place INTEGER NOT NULL,
            name TEXT NOT NULL,
            content_type TEXT NOT NULL,
            revision_position INTEGER NOT NULL,
            digest TEXT NOT NULL,
            length INTEGER NOT NULL,
            content INTEGER NOT NULL REFERENCES contents,
            PRIMARY KEY (body, place)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX attachments_by_content ON attachments (content)",
        "CREATE TABLE local_documents (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL)",
        // One row: what the database is called in the names of replications, and the number of its newest change.
        "CREATE TABLE state (identity TEXT NOT NULL, sequence INTEGER NOT NULL)",
        // Edits that the server refused; they are still in the database.
        """
        CREATE TABLE refusals (
            id TEXT NOT NULL,
            revision TEXT NOT NULL,
            error TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (id, revision)
        ) WITHOUT ROWID
        """,
        // Edits of documents that left the device before they were pushed, whole, with their attachments.
        """
        CREATE TABLE kept_edits (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            revision TEXT NOT NULL,
            document BLOB NOT NULL
        )
        """,
    ]
}
