import CouchProtocol
import Foundation
import GRDB
import JSON

/// The tables of a device's database.
///
/// A document is a row of `documents` (its revision tree, whose leaves name their rows of `bodies`). The bodies of
/// revisions that others have replaced are not kept. What an attachment holds is stored once, however many revisions
/// have it, in pieces.
enum StoreSchema {
    /// Brings a database of any earlier version to the present one; a database of a later version is refused.
    ///
    /// - Parameter vault: Has the key of the database, if that has one.
    static func migrate(_ writer: some DatabaseWriter, _ vault: Vault) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            for statement in version1 { try db.execute(sql: statement) }
            let identity = UUID().uuidString.lowercased()
            try db.execute(sql: "INSERT INTO state (identity, sequence) VALUES (?, 0)", arguments: [identity])
        }
        migrator.registerMigration("2") { db in
            for statement in version2 { try db.execute(sql: statement) }
            try countConflicts(in: db)
        }
        migrator.registerMigration("3") { db in
            // Nobody asked why a function had failed, and what it says may be of a document.
            try db.execute(sql: "DROP TABLE view_failures")
            guard let proof = try Data.fetchOne(db, sql: "SELECT proof FROM state") else { return }
            try vault.check(proof)
            // Their names were digests that tell whoever guesses a call.
            try db.execute(sql: "DELETE FROM cached_answers")
            try sealDigests(in: db, vault)
        }
        migrator.registerMigration("4") { db in
            // How the server calls the tags of its documents; null while it was never asked.
            try db.execute(sql: "ALTER TABLE state ADD COLUMN owner_member TEXT")
            try db.execute(sql: "ALTER TABLE state ADD COLUMN groups_member TEXT")
        }
        migrator.registerMigration("5") { db in
            for statement in version5 { try db.execute(sql: statement) }
        }
        migrator.registerMigration("6") { db in
            // A row of `bodies` that no document names and that has the attachments of the edit; null without any.
            try db.execute(sql: "ALTER TABLE kept_edits ADD COLUMN body INTEGER")
            try takeContentsOut(of: db, vault)
        }
        guard try !writer.read(migrator.hasBeenSuperseded) else {
            throw CouchError.preconditionFailed("The database was made by a later version of this program.")
        }
        try migrator.migrate(writer)
    }

    /// The digest of an attachment tells whoever guesses what it holds.
    private static func sealDigests(in db: Database, _ vault: Vault) throws {
        let rows = try Row.fetchAll(db, sql: "SELECT body, place, digest FROM attachments")
        for row in rows {
            let digest = try vault.sealed(row[2] as Data)
            try db.execute(
                sql: "UPDATE attachments SET digest = ? WHERE body = ? AND place = ?",
                arguments: [digest, row[0] as Int64, row[1] as Int]
            )
        }
    }

    /// Edits were kept as one text with the contents of their attachments, which are kept in pieces now.
    private static func takeContentsOut(of db: Database, _ given: Vault) throws {
        let proof = try Data.fetchOne(db, sql: "SELECT proof FROM state")
        // A key that does not fit is told when the database is opened.
        let vault = proof == nil ? Vault.open : given
        let numbers = try Int64.fetchAll(db, sql: "SELECT number FROM kept_edits")
        guard !numbers.isEmpty else { return }
        if proof != nil { try vault.check(proof) }
        var limits = StoreLimits()
        limits.vault = vault
        // What has been taken once is not judged again.
        limits.rules = .unlimited
        if let names = try SQLiteReplica.tagNames(db) { limits.rules.tagNames = names }
        var writer = try StoreWriter(db, limits: limits)
        for number in numbers {
            do {
                try writer.step { try $0.takeContentsOut(ofKeptEdit: number) }
            } catch let error as DatabaseError {
                throw error
            } catch {
                // An edit that cannot be read stays as it is, and is no reason to have nothing of the database.
            }
        }
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
        // Edits of documents that left the device before they were pushed.
        """
        CREATE TABLE kept_edits (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            revision TEXT NOT NULL,
            document BLOB NOT NULL
        )
        """,
    ]

    private static func countConflicts(in db: Database) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT id, tree FROM documents")
        var found: [(id: String, count: Int)] = []
        while let row = try rows.next() {
            let count = try StoreReader.tree(row[1]).conflicts.count
            if count > 0 { found.append((row[0], count)) }
        }
        for (id, count) in found {
            try db.execute(sql: "UPDATE documents SET conflicts = ? WHERE id = ?", arguments: [count, id])
        }
    }

    private static let version2 = [
        // How many leaves are alive besides the winner.
        "ALTER TABLE documents ADD COLUMN conflicts INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX documents_in_conflict ON documents (id) WHERE conflicts > 0",
        // What proves that the key of an encrypted database is the right one; null for a database without a key.
        "ALTER TABLE state ADD COLUMN proof BLOB",
        // Where a pull may begin that was made elsewhere, and for whom; see `PrebuiltOrigin`.
        "ALTER TABLE state ADD COLUMN prebuilt BLOB",
        // Indexes over the documents: all with the same signature are one.
        """
        CREATE TABLE view_indexes (
            number INTEGER PRIMARY KEY,
            signature BLOB NOT NULL UNIQUE,
            sequence INTEGER NOT NULL
        )
        """,
        // `changed`: the newest change of a document that touched the view's rows.
        """
        CREATE TABLE views (
            number INTEGER PRIMARY KEY,
            view_index INTEGER NOT NULL REFERENCES view_indexes ON DELETE CASCADE,
            place INTEGER NOT NULL,
            row_count INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            UNIQUE (view_index, place)
        )
        """,
        """
        CREATE TABLE view_rows (
            view INTEGER NOT NULL,
            key BLOB NOT NULL,
            id TEXT NOT NULL,
            position INTEGER NOT NULL,
            json BLOB NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (view, key, id, position)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX view_rows_by_document ON view_rows (view, id)",
        // Documents that a view does not have, because its function failed with them.
        """
        CREATE TABLE view_failures (
            view INTEGER NOT NULL,
            id TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (view, id)
        ) WITHOUT ROWID
        """,
        // Answers of the server's sequences, for when it cannot be asked.
        """
        CREATE TABLE cached_answers (
            key BLOB NOT NULL PRIMARY KEY,
            answer BLOB NOT NULL,
            made INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ]

    private static let version5 = [
        // Changes whenever rows or blocks of the view do.
        "ALTER TABLE views ADD COLUMN version INTEGER NOT NULL DEFAULT 0",
        // Stretches of rows with what they were reduced to, each up to where the next one begins; see `KeptBlock`.
        """
        CREATE TABLE view_blocks (
            view INTEGER NOT NULL REFERENCES views ON DELETE CASCADE,
            key BLOB NOT NULL,
            id TEXT NOT NULL,
            position INTEGER NOT NULL,
            first_key BLOB,
            last_key BLOB,
            json BLOB,
            reduction BLOB,
            PRIMARY KEY (view, key, id, position)
        ) WITHOUT ROWID
        """,
    ]
}

extension StoreWriter {
    /// Puts the contents of the attachments of an edit that was kept as one text into pieces.
    fileprivate func takeContentsOut(ofKeptEdit number: Int64) throws {
        let text = "SELECT document FROM kept_edits WHERE number = ?"
        guard let row = try Data.fetchOne(db, sql: text, arguments: [number]),
            let document = try JSONValue(parsing: try limits.vault.opened(row), limits: .unlimited).objectValue,
            document["_attachments"] != nil
        else { return }
        let incoming = try IncomingDocument(parsing: JSONValue.object(document).bytes, rules: limits.rules)
        let edit = try ReplicatedDocument(incoming)
        let attachments = try edit.attachments.map { attachment in
            StoredAttachment(
                attachment,
                digest: attachment.digest,
                length: attachment.length,
                content: try insert(content: attachment.content ?? [])
            )
        }
        let body = try insert(.ofKeptEdit(attachments))
        try db.execute(
            sql: "UPDATE kept_edits SET document = ?, body = ? WHERE number = ?",
            arguments: [try limits.vault.sealed(edit.described(limits.rules)), body.value, number]
        )
    }
}
