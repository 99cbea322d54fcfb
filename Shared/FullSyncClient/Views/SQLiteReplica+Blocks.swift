import CouchProtocol
import Foundation
import GRDB
import ViewRules

extension SQLiteReplica {
    /// Keeps what a query has made, unless rows or blocks of the view have changed since it began.
    ///
    /// - Parameter version: What the query found the view's ``StoreReader/version(of:)`` to be.
    func keep(_ changes: [BlockChange], of view: Int64, at version: Int) async throws {
        try await StoreFailure.translating {
            try await pool.write { [vault = limits.vault] db in
                let move = try db.cachedStatement(
                    sql: "UPDATE views SET version = version + 1 WHERE number = ? AND version = ?"
                )
                try move.execute(arguments: [view, version])
                guard db.changesCount == 1 else { return }
                for change in changes { try change.write(to: view, vault, in: db) }
            }
        }
    }
}

extension BlockChange {
    fileprivate func write(to view: Int64, _ vault: Vault, in db: Database) throws {
        let delete = try db.cachedStatement(
            sql: "DELETE FROM view_blocks WHERE view = ? AND key = ? AND id = ? AND position = ?"
        )
        for start in starts { try delete.execute(arguments: [view, Data(start.key), start.id, start.position]) }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO view_blocks (view, key, id, position, first_key, last_key, json, reduction)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        for block in blocks {
            let content = block.content
            try insert.execute(
                arguments: [
                    view, Data(block.start.key), block.start.id, block.start.position,
                    content.map { Data($0.firstKey) }, content.map { Data($0.lastKey) },
                    try content.map { try vault.sealed($0.json) },
                    try content.map { try vault.sealed($0.reduction.bytes) },
                ]
            )
        }
    }
}

/// Changes the rows of a view within a transaction, and marks the blocks around them.
struct ViewRowsWriter {
    private let db: Database
    private let view: Int64
    /// Whether the view was ever reduced.
    private let hasBlocks: Bool
    private let (delete, insert): (Statement, Statement)
    /// Where rows were removed or added, when there are blocks.
    private var places: [RowPlace] = []
    private(set) var (removed, added) = (0, 0)

    init(_ view: Int64, in db: Database) throws {
        (self.view, self.db) = (view, db)
        let statement = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM view_blocks WHERE view = ?)")
        hasBlocks = try Bool.fetchOne(statement, arguments: [view]) ?? false
        delete = try db.cachedStatement(sql: "DELETE FROM view_rows WHERE view = ? AND id = ?")
        insert = try db.cachedStatement(
            sql: "INSERT INTO view_rows (view, key, id, position, json, value) VALUES (?, ?, ?, ?, ?, ?)"
        )
    }

    /// Removes the rows of a document.
    mutating func remove(_ id: String) throws {
        if hasBlocks {
            let statement = try db.cachedStatement(sql: "SELECT key, position FROM view_rows WHERE view = ? AND id = ?")
            let rows = try Row.fetchCursor(statement, arguments: [view, id])
            while let row = try rows.next() {
                places.append(RowPlace(key: Array(row[0] as Data), id: id, position: row[1]))
            }
        }
        try delete.execute(arguments: [view, id])
        removed += db.changesCount
    }

    mutating func add(_ row: IndexPage.Row) throws {
        try insert.execute(arguments: [view, Data(row.key), row.id, row.position, row.json, row.value])
        added += 1
        if hasBlocks { places.append(RowPlace(key: row.key, id: row.id, position: row.position)) }
    }

    /// Marks the blocks and counts the rows.
    ///
    /// - Parameter sequence: The newest change of a document that touched the rows.
    mutating func finish(at sequence: Int) throws {
        guard removed > 0 || added > 0 else { return }
        try markBlocks()
        let count = try db.cachedStatement(
            sql: "UPDATE views SET row_count = row_count + ?, changed = ?, version = version + 1 WHERE number = ?"
        )
        try count.execute(arguments: [added - removed, sequence, view])
    }

    private mutating func markBlocks() throws {
        guard hasBlocks else { return }
        places.sort()
        let mark = try db.cachedStatement(
            sql: """
                UPDATE view_blocks SET first_key = NULL, last_key = NULL, json = NULL, reduction = NULL
                WHERE view = ?1 AND reduction IS NOT NULL AND (key, id, position) = (
                    SELECT key, id, position FROM view_blocks
                    WHERE view = ?1 AND (key, id, position) <= (?2, ?3, ?4)
                    ORDER BY key DESC, id DESC, position DESC LIMIT 1
                )
                """
        )
        let following = try db.cachedStatement(
            sql: """
                SELECT key, id, position FROM view_blocks WHERE view = ? AND (key, id, position) > (?, ?, ?)
                ORDER BY key, id, position LIMIT 1
                """
        )
        var rest = places[...]
        while let place = rest.popFirst() {
            let arguments: StatementArguments = [view, Data(place.key), place.id, place.position]
            try mark.execute(arguments: arguments)
            // The other rows of the block need no marking.
            guard let row = try Row.fetchOne(following, arguments: arguments) else { return }
            let end = RowPlace(key: Array(row[0] as Data), id: row[1], position: row[2])
            rest = rest.drop { $0 < end }
        }
    }
}
