import CouchProtocol
import Foundation
import GRDB
import JSON

extension SQLiteReplica {
    /// Writes the database into a file of its own, for other devices to begin with.
    ///
    /// - Parameter server: The identity of the server's database from which it was pulled; nil for none.
    /// - Throws: `precondition_failed` when there are edits that were not made on the server, or documents that a pull
    ///   from there has passed over; `file_exists`.
    func export(to file: URL, origin: PrebuiltOrigin, of server: String? = nil) async throws {
        guard !limits.vault.isSealing else {
            throw CouchError.preconditionFailed("A database that is encrypted cannot be exported.")
        }
        guard !FileManager.default.fileExists(atPath: file.path) else { throw Self.exists }
        let hasEdits = try await read { reader in
            try Bool.fetchOne(reader.db, sql: "SELECT EXISTS (SELECT 1 FROM documents WHERE is_local)") ?? false
        }
        guard !hasEdits else {
            throw CouchError.preconditionFailed("The database has edits of this device's own.")
        }
        // Nobody who begins with the file would ask for them again.
        if let server {
            let lacking = try await passedOver(of: server)
            guard lacking.isEmpty else {
                let named = lacking.prefix(10).map { "`\($0.text)`" }.joined(separator: ", ")
                let rest = lacking.count > 10 ? " and \(lacking.count - 10) more" : ""
                throw CouchError.preconditionFailed(
                    "The database lacks documents with which the server fails: \(named)\(rest)."
                )
            }
        }
        try await StoreFailure.translating {
            try await pool.writeWithoutTransaction { db in
                try db.execute(sql: "VACUUM INTO ?", arguments: [file.path])
            }
            let copy = try DatabaseQueue(path: file.path)
            try await copy.write { db in
                // What was kept aside for the user who pulled, and what has not come as a whole.
                try db.execute(sql: "DELETE FROM bodies WHERE number IN (SELECT body FROM kept_edits)")
                try db.execute(
                    sql: "DELETE FROM contents WHERE number NOT IN (SELECT content FROM attachments)"
                )
                for table in ["local_documents", "refusals", "kept_edits", "cached_answers"] {
                    try db.execute(sql: "DELETE FROM \(table)")
                }
                try db.execute(sql: "UPDATE state SET prebuilt = ?", arguments: [Data(origin.json.bytes)])
            }
            // Rows that are deleted are still in the file until it is written anew.
            try await copy.vacuum()
            try copy.close()
        }
    }

    static let exists = CouchError(status: 412, error: "file_exists", reason: "There is such a file already.")

    /// Makes a copied file the database of a device.
    ///
    /// - Parameters:
    ///   - file: A copy that nobody else has.
    ///   - user: Whose device it is.
    ///   - vault: Seals what the file has in the clear.
    /// - Throws: `not_prebuilt` for another file; `forbidden` when it holds documents that belong to others.
    static func adopt(_ file: URL, user: String?, _ vault: Vault) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { db in db.add(function: sealing(vault)) }
        do {
            let queue = try DatabaseQueue(path: file.path, configuration: configuration)
            defer { try? queue.close() }
            try StoreSchema.migrate(queue, .open)
            let hasForgotten = try queue.write { db in
                let column = try Data.fetchOne(db, sql: "SELECT prebuilt FROM state")
                let origin = try column.flatMap { PrebuiltOrigin(try JSONValue(parsing: Array($0))) }
                guard let origin else { throw notPrebuilt }
                let hasForgotten = origin.user != user ? try forgetOrigin(in: db) : false
                try db.execute(
                    sql: "UPDATE state SET identity = ?, proof = ?",
                    arguments: [UUID().uuidString.lowercased(), try vault.newProof()]
                )
                guard vault.isSealing else { return hasForgotten }
                for (table, columns) in sealedColumns {
                    let changes = columns.map { "\($0) = sealed(\($0))" }.joined(separator: ", ")
                    try db.execute(sql: "UPDATE \(table) SET \(changes)")
                }
                // Contents are named by a key's digest there, and are met again under no other name.
                try db.execute(sql: "UPDATE contents SET key = sealed(key)")
                return hasForgotten
            }
            // What the rows were before is still in the file until it is written anew.
            if vault.isSealing || hasForgotten { try queue.vacuum() }
        } catch let error as DatabaseError {
            throw error.resultCode == .SQLITE_NOTADB ? notPrebuilt : StoreFailure.translated(error)
        }
    }

    private static let sealedColumns = [
        ("bodies", ["body"]), ("pieces", ["bytes"]), ("view_rows", ["json", "value"]), ("attachments", ["digest"]),
        ("view_blocks", ["json", "reduction"]),
    ]

    private static let notPrebuilt = CouchError(
        status: 412,
        error: "not_prebuilt",
        reason: "The file is no database that was made to begin with."
    )

    /// Another user than the one who pulled has other documents in front of the place: the pull begins at the start,
    /// and finds most of them here.
    ///
    /// - Returns: Whether documents were taken out of the file.
    private static func forgetOrigin(in db: Database) throws -> Bool {
        let belongs = try Bool.fetchOne(
            db,
            sql: "SELECT EXISTS (SELECT 1 FROM bodies WHERE owner IS NOT NULL OR group_names IS NOT NULL)"
        )
        // Whose a document is stands in the columns when it was known how the server says it.
        guard belongs == false, try tagNames(db) != nil else {
            throw CouchError.forbidden("The file holds documents that belong to another user.")
        }
        try db.execute(sql: "UPDATE state SET prebuilt = NULL")
        return try forgetLosses(in: db)
    }

    /// Takes out the documents that were lost to the user who pulled, or came back to that one: they are another user's
    /// here or nobody's, and would be taken for what this one has of them.
    private static func forgetLosses(in db: Database) throws -> Bool {
        let writer = try StoreWriter(db, limits: StoreLimits())
        var lost: [DocumentID: StoredDocument] = [:]
        let rows = try Row.fetchCursor(db, sql: "SELECT id, tree FROM documents")
        while let row = try rows.next() {
            let tree = try StoreReader.tree(row[1])
            let isLost = tree.leaves.contains { tree.path(to: $0.id).map(Revocation.isOurs) ?? false }
            if isLost { lost[DocumentID(stored: row[0])] = StoredDocument(tree: tree) }
        }
        for (id, document) in lost { try writer.remove(id, document) }
        try writer.removeRows(of: Set(lost.keys))
        return !lost.isEmpty
    }

    private static func sealing(_ vault: Vault) -> DatabaseFunction {
        DatabaseFunction("sealed", argumentCount: 1) { values in
            try Data.fromDatabaseValue(values[0]).map { try vault.sealed($0) }
        }
    }

    /// Where the file's pull had come to, until a pull of this device has begun there.
    func origin() async throws -> PrebuiltOrigin? {
        try await read { reader in
            let column = try Data.fetchOne(reader.db, sql: "SELECT prebuilt FROM state")
            return try column.flatMap { PrebuiltOrigin(try JSONValue(parsing: Array($0))) }
        }
    }

    func forgetOrigin() async throws {
        try await StoreFailure.translating {
            try await pool.write { db in try db.execute(sql: "UPDATE state SET prebuilt = NULL") }
        }
    }
}
