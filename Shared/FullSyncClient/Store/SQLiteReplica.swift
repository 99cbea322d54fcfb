package import CouchProtocol
import Foundation
import GRDB
import Synchronization

/// A device's database: one file of SQLite that holds documents with all their branches.
///
/// It has one writer and any number of readers, which see the state that the last transaction left (write-ahead log).
/// What a transaction wrote survives the end of the process, however it ends; before a checkpoint is written, all that
/// it covers is on the disk, so it survives the end of the device's power too.
package final class SQLiteReplica: Replica {
    package let identity: String
    let pool: DatabasePool
    let signal = ChangeSignal()
    /// Tells what concerns the application of transactions that have ended.
    let news = Broadcast<StoreNews>()
    private let present: Mutex<StoreLimits>
    /// What the resolver of its syncs has done.
    let resolutions = ResolutionLog()
    /// What servers fail with, by what they were asked and who they are.
    let knownTroubles = Mutex<[String: Troubles]>([:])
    /// Tells the resolvers of its syncs what was pushed.
    let pushed = PushedEdits()
    /// Its indexes, and who brings them up to date.
    let indexes = IndexKeeper()

    /// What is kept and demanded of documents, with the names of their tags as the server said them last.
    var limits: StoreLimits { present.withLock { $0 } }

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
        var configuration = Configuration()
        configuration.label = "FullSync"
        configuration.prepareDatabase { db in
            // So that the file can be made smaller, a bit at a time; one that has tables knows already whether it can.
            if !db.configuration.readonly, try Int.fetchOne(db, sql: "PRAGMA page_count") == 0 {
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            }
            // Apple's disks report what is only in their cache; this asks for more where a checkpoint needs it.
            try db.execute(sql: "PRAGMA fullfsync = 1")
            // A log that grew while somebody read is no larger than that when it begins anew.
            try db.execute(sql: "PRAGMA journal_size_limit = \(4 << 20)")
            // What was in the clear, such as before the key was taken, is overwritten when it goes.
            if limits.vault.isSealing { try db.execute(sql: "PRAGMA secure_delete = ON") }
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try StoreSchema.migrate(pool, limits.vault)
            try Self.prove(limits.vault, pool)
            try Self.sweepContents(pool)
            identity = try pool.read { db in try String.fetchOne(db, sql: "SELECT identity FROM state") ?? "" }
            var limits = limits
            if let known = try pool.read(Self.tagNames) { limits.rules.tagNames = known }
            present = Mutex(limits)
        } catch let error as DatabaseError {
            throw StoreFailure.translated(error)
        }
    }

    /// Sees that the key is that of the database; an empty database takes it as its own, and forgets the answers that
    /// were kept in the clear.
    private static func prove(_ vault: Vault, _ pool: DatabasePool) throws {
        let (proof, isNew) = try pool.read { db in
            let row = try Row.fetchOne(
                db,
                sql: "SELECT proof, sequence = 0 AND NOT EXISTS (SELECT 1 FROM local_documents) FROM state"
            )
            return (row?[0] as Data?, row?[1] as Bool? ?? false)
        }
        if proof == nil, isNew, let made = try vault.newProof() {
            try pool.write { db in
                try db.execute(sql: "DELETE FROM cached_answers")
                try db.execute(sql: "UPDATE state SET proof = ?", arguments: [made])
            }
        } else {
            try vault.check(proof)
        }
    }

    /// Closes the file.
    ///
    /// What is asked of the database afterwards fails.
    package func close() throws {
        // The connection that is closed last is a reader's, which cannot bring the log into the file.
        _ = try? pool.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        try pool.close()
    }

    /// Runs something on one snapshot of the database.
    func read<Value: Sendable>(_ body: @escaping @Sendable (StoreReader) throws -> Value) async throws -> Value {
        try await StoreFailure.translating {
            try await pool.read { [vault = limits.vault] db in try body(StoreReader(db: db, vault: vault)) }
        }
    }

    /// Runs something that changes the database, as a whole or not at all.
    func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (inout StoreWriter) throws -> Value
    ) async throws -> Value {
        let (value, hasChanges, news) = try await StoreFailure.translating {
            try await pool.write { [limits] db in
                var writer = try StoreWriter(db, limits: limits)
                let value = try body(&writer)
                try writer.finish()
                return (value, writer.hasChanges, writer.news)
            }
        }
        if hasChanges { signal.send() }
        if news != StoreNews() { self.news.send(news) }
        return value
    }

    /// Takes the names that the server gives the tags of its documents.
    func take(_ names: TagNames) async throws {
        let limits = limits
        let known = try await read { reader in try Self.tagNames(reader.db) }
        guard known != names else { return }
        try await transaction { writer in try writer.rename(from: limits.rules, to: names) }
        present.withLock { $0.rules.tagNames = names }
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
