import CouchProtocol
import Foundation
import GRDB

extension SQLiteReplica {
    /// The index of that definition, which is made when there is none; one that is made takes the place of those that
    /// no design document needs any more.
    func index(_ definition: IndexDefinition) async throws -> DeviceIndex {
        if let known = try await read({ try $0.index(definition) }) { return known }
        return try await StoreFailure.translating {
            try await pool.write { [limits] db in
                let reader = StoreReader(db: db, vault: limits.vault)
                if let known = try reader.index(definition) { return known }
                // Asked here, where no design document can come in between whose index would be taken for one that
                // is of no use.
                let needed = try reader.designs(known: [:], limits.rules).flatMap(\.signatures)
                try Self.removeIndexes(butFor: Set(needed + [definition.signature]), in: db)
                try db.execute(
                    sql: "INSERT INTO view_indexes (signature, sequence) VALUES (?, 0)",
                    arguments: [Data(definition.signature)]
                )
                let number = db.lastInsertedRowID
                let views = try (0..<definition.viewCount).map { place in
                    // Numbers are given out again: a query that began on the view before must not take this one for it.
                    try db.execute(
                        sql: """
                            INSERT INTO views (view_index, place, row_count, changed, version) VALUES (?, ?, 0, 0, ?)
                            """,
                        arguments: [number, place, Int64.random(in: 0...1 << 52)]
                    )
                    return db.lastInsertedRowID
                }
                return DeviceIndex(number: number, views: views, definition: definition)
            }
        }
    }

    private static func removeIndexes(butFor needed: Set<[UInt8]>, in db: Database) throws {
        for row in try Row.fetchAll(db, sql: "SELECT number, signature FROM view_indexes") {
            let (number, signature): (Int64, Data) = (row[0], row[1])
            guard !needed.contains(Array(signature)) else { continue }
            let views = try Int64.fetchAll(
                db,
                sql: "SELECT number FROM views WHERE view_index = ?",
                arguments: [number]
            )
            for view in views {
                try db.execute(sql: "DELETE FROM view_rows WHERE view = ?", arguments: [view])
            }
            try db.execute(sql: "DELETE FROM view_indexes WHERE number = ?", arguments: [number])
        }
    }

    /// Up to which change an index is.
    ///
    /// - Throws: `not_found` when it was removed in the meantime.
    func position(of index: DeviceIndex) async throws -> Int {
        try await read { reader in
            let statement = try reader.db.cachedStatement(sql: "SELECT sequence FROM view_indexes WHERE number = ?")
            guard let position = try Int.fetchOne(statement, arguments: [index.number]) else {
                throw CouchError.notFound("The index was removed.")
            }
            return position
        }
    }

    /// Makes an index have what a page says.
    ///
    /// - Returns: Whether the index was where the page begins; else nothing is written.
    func write(_ page: IndexPage, to index: DeviceIndex) async throws -> Bool {
        try await StoreFailure.translating {
            try await pool.write { db in try page.write(to: index, in: db) }
        }
    }
}

extension IndexPage {
    fileprivate func write(to index: DeviceIndex, in db: Database) throws -> Bool {
        let move = try db.cachedStatement(
            sql: "UPDATE view_indexes SET sequence = ? WHERE number = ? AND sequence = ?"
        )
        try move.execute(arguments: [through, index.number, from])
        guard db.changesCount == 1 else { return false }
        // The rows are in the order of views.
        var rest = rows[...]
        for view in index.views.sorted() {
            var writer = try ViewRowsWriter(view, in: db)
            for id in ids { try writer.remove(id) }
            while let row = rest.first, row.view == view {
                try writer.add(row)
                rest.removeFirst()
            }
            try writer.finish(at: through)
        }
        return true
    }
}

extension StoreReader {
    /// The index of that definition; nil when there is none.
    fileprivate func index(_ definition: IndexDefinition) throws -> DeviceIndex? {
        let statement = try db.cachedStatement(sql: "SELECT number FROM view_indexes WHERE signature = ?")
        guard let number = try Int64.fetchOne(statement, arguments: [Data(definition.signature)]) else { return nil }
        let views = try db.cachedStatement(sql: "SELECT number FROM views WHERE view_index = ? ORDER BY place")
        return DeviceIndex(
            number: number,
            views: try Int64.fetchAll(views, arguments: [number]),
            definition: definition
        )
    }
}
