package import CouchProtocol
import GRDB

/// A device's database: one file of SQLite that holds documents with all their branches.
///
/// It has one writer and any number of readers, which see the state that the last transaction left (write-ahead log).
/// What a transaction wrote survives the end of the process, however it ends; before a checkpoint is written, all that
/// it covers is on the disk, so it survives the end of the device's power too.
package final class SQLiteReplica: Replica {
    package let identity: String
    let pool: DatabasePool
    let signal = ChangeSignal()
    let limits: StoreLimits

    /// What is demanded of documents, and how their tags are called.
    package var rules: DocumentRules { limits.rules }

    /// Opens the database in that file, which is made when there is none.
    ///
    /// - Parameters:
    ///   - path: The file; SQLite keeps two more beside it.
    ///   - rules: What is demanded of documents, and how their tags are called.
    package convenience init(path: String, rules: DocumentRules = DocumentRules()) throws {
        try self.init(path: path, limits: StoreLimits(rules: rules))
    }

    init(path: String, limits: StoreLimits) throws {
        self.limits = limits
        var configuration = Configuration()
        configuration.label = "FullSync"
        configuration.prepareDatabase { db in
            // Apple's disks report what is only in their cache; this asks for more where a checkpoint needs it.
            try db.execute(sql: "PRAGMA fullfsync = 1")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try StoreSchema.migrate(pool)
            identity = try pool.read { db in try String.fetchOne(db, sql: "SELECT identity FROM state") ?? "" }
        } catch let error as DatabaseError {
            throw StoreFailure.translated(error)
        }
    }

    /// Closes the file.
    ///
    /// What is asked of the database afterwards fails.
    package func close() throws {
        try pool.close()
    }

    /// Runs something on one snapshot of the database.
    func read<Value: Sendable>(_ body: @escaping @Sendable (StoreReader) throws -> Value) async throws -> Value {
        try await StoreFailure.translating { try await pool.read { db in try body(StoreReader(db: db)) } }
    }

    /// Runs something that changes the database, as a whole or not at all.
    func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (inout StoreWriter) throws -> Value
    ) async throws -> Value {
        let (value, hasChanges) = try await StoreFailure.translating {
            try await pool.write { [limits] db in
                var writer = try StoreWriter(db, limits: limits)
                let value = try body(&writer)
                try writer.finish()
                return (value, writer.hasChanges)
            }
        }
        if hasChanges { signal.send() }
        return value
    }

    package func info() async throws -> ReplicaInfo {
        try await read { reader in
            let row = try Row.fetchOne(reader.db, sql: "SELECT count(*), coalesce(sum(is_deleted), 0) FROM documents")
            let (all, deleted): (Int, Int) = (row?[0] ?? 0, row?[1] ?? 0)
            return ReplicaInfo(
                documentCount: all - deleted,
                deletedCount: deleted,
                updateSequence: UpdateSequence(try reader.lastSequence())
            )
        }
    }
}
