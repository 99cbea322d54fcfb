import CouchProtocol
import GRDB

/// Giving the device back what a file no longer uses.
///
/// SQLite keeps pages that were freed for what comes next, and a file never becomes smaller by itself. The file of a
/// new database knows which page points to which (`auto_vacuum = INCREMENTAL`), so pages at its end can go to free
/// places some at a time; one that was made by an earlier version learns that when it is written anew as a whole.
extension SQLiteReplica {
    /// How many pages are given back in one transaction: a megabyte, for which nobody waits long.
    private static let stretch = 256

    /// Pages of the file, and those that hold nothing.
    struct Room: Hashable, Sendable {
        let pages: Int
        let free: Int
        /// Whether pages can be given back some at a time.
        let isIncremental: Bool

        /// Whether it is worth while: what is free is soon used again, and that costs less than a larger file.
        var isWorthWhile: Bool { isIncremental && free >= SQLiteReplica.stretch && free * 4 >= pages }
        /// How much stays for what comes next.
        var reserve: Int { (pages - free) / 16 }
    }

    func room() async throws -> Room {
        try await StoreFailure.translating {
            try await pool.read { db in
                Room(
                    pages: try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0,
                    free: try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0,
                    isIncremental: try Int.fetchOne(db, sql: "PRAGMA auto_vacuum") == 2
                )
            }
        }
    }

    /// Makes the file smaller where a quarter of it is free, step by step.
    ///
    /// - Parameters:
    ///   - stretches: How many steps are made at most.
    ///   - mayGoOn: Asked before each step; what is left is left to the next time.
    func shrink(atMost stretches: Int = .max, while mayGoOn: @Sendable () -> Bool = { true }) async throws {
        let room = try await room()
        guard room.isWorthWhile else { return }
        try await shrink(to: room.reserve, atMost: stretches, while: mayGoOn)
        _ = try await checkpoint(.passive)
    }

    /// Gives back pages until only so many are free, in transactions between which others have their turn.
    private func shrink(to reserve: Int, atMost stretches: Int, while mayGoOn: @Sendable () -> Bool) async throws {
        var (free, steps) = (Int.max, 0)
        while free > reserve, steps < stretches, mayGoOn() {
            steps += 1
            try Task.checkCancellation()
            let left = try await StoreFailure.translating {
                try await pool.write { db in
                    let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                    let count = min(Self.stretch, free - reserve)
                    guard count > 0 else { return 0 }
                    try db.execute(sql: "PRAGMA incremental_vacuum(\(count))")
                    return try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                }
            }
            guard left < free else { return }
            free = left
        }
    }

    /// Makes the file as small as what it holds; one that was made by an earlier version is written anew.
    ///
    /// - Returns: Whether the file is that small already: not while somebody still reads what was before.
    func compact() async throws -> Bool {
        if try await room().isIncremental {
            try await shrink(to: 0, atMost: .max) { true }
        } else {
            try await StoreFailure.translating {
                try await pool.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                    try db.execute(sql: "VACUUM")
                }
            }
        }
        return try await checkpoint(.truncate)
    }

    /// Brings the log into the file, which becomes smaller only then.
    ///
    /// - Returns: Whether it was done: not while somebody still reads what was before.
    private func checkpoint(_ mode: Database.CheckpointMode) async throws -> Bool {
        try await StoreFailure.translating {
            try await pool.writeWithoutTransaction { db in
                do {
                    _ = try db.checkpoint(mode)
                    return true
                } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    return false
                }
            }
        }
    }
}
