import CouchProtocol
import Foundation
import GRDB
import JSON
import ViewRules

/// A row of an index, as it is read.
struct IndexRow: Sendable {
    /// The collation key.
    let order: [UInt8]
    let id: String
    /// Which of the rows it is that the document has.
    let position: Int
    /// JSON texts.
    let key: [UInt8]
    let value: [UInt8]

    var place: RowPlace { RowPlace(key: order, id: id, position: position) }
}

extension StoreReader {
    /// Reads the rows of a stretch in order, until there is none left or the body has enough.
    ///
    /// - Parameter body: Returns whether it wants another one.
    func forEachRow(
        of view: Int64,
        in range: KeyRange,
        skip: Int = 0,
        limit: Int? = nil,
        _ body: (IndexRow) throws -> Bool
    ) throws {
        let (condition, arguments) = range.condition
        let way = range.isDescending ? "DESC" : "ASC"
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(Self.rowColumns) FROM view_rows WHERE view = ?\(condition)
                ORDER BY key \(way), id \(way), position \(way) LIMIT ? OFFSET ?
                """
        )
        let rows = try Row.fetchCursor(statement, arguments: [view] + arguments + [limit ?? -1, skip])
        while let row = try rows.next() { guard try body(try found(row)) else { return } }
    }

    /// Reads the rows between two places, in order or from the last to the first, until there is none left or the body
    /// has enough.
    ///
    /// - Parameters:
    ///   - end: The first place behind the rows; nil for the view's end.
    ///   - body: Returns whether it wants another one.
    func forEachRow(
        of view: Int64,
        from start: RowPlace,
        to end: RowPlace?,
        isDescending: Bool,
        _ body: (IndexRow) throws -> Bool
    ) throws {
        let way = isDescending ? "DESC" : "ASC"
        let (condition, arguments): (String, StatementArguments) =
            end.map { (" AND (key, id, position) < (?, ?, ?)", [Data($0.key), $0.id, $0.position]) } ?? ("", [])
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(Self.rowColumns) FROM view_rows
                WHERE view = ? AND (key, id, position) >= (?, ?, ?)\(condition)
                ORDER BY key \(way), id \(way), position \(way)
                """
        )
        let rows = try Row.fetchCursor(
            statement,
            arguments: [view, Data(start.key), start.id, start.position] + arguments
        )
        while let row = try rows.next() { guard try body(try found(row)) else { return } }
    }

    private static let rowColumns = "key, id, position, json, value"

    private func found(_ row: Row) throws -> IndexRow {
        IndexRow(
            order: Array(row[0] as Data),
            id: row[1],
            position: row[2],
            key: try vault.opened(row[3]),
            value: try vault.opened(row[4])
        )
    }

    /// How many rows a stretch has.
    func rowCount(of view: Int64, in range: KeyRange) throws -> Int {
        let (condition, arguments) = range.condition
        let statement = try db.cachedStatement(sql: "SELECT count(*) FROM view_rows WHERE view = ?\(condition)")
        return try Int.fetchOne(statement, arguments: [view] + arguments) ?? 0
    }

    /// How many rows a view has, and which change touched them last.
    func standing(of view: Int64) throws -> (rows: Int, changed: Int) {
        let statement = try db.cachedStatement(sql: "SELECT row_count, changed FROM views WHERE number = ?")
        guard let row = try Row.fetchOne(statement, arguments: [view]) else {
            throw CouchError.notFound("The index was removed.")
        }
        return (row[0], row[1])
    }
}

extension KeyRange {
    /// The condition on the columns of `view_rows`, each part behind an `AND`.
    fileprivate var condition: (sql: String, arguments: StatementArguments) {
        var (sql, arguments): (String, StatementArguments) = ("", [])
        for (bound, sign) in [(lower, ">"), (upper, "<")] {
            guard let bound else { continue }
            let comparison = sign + (bound.isIncluded ? "=" : "")
            if let id = bound.id {
                sql += " AND (key, id) \(comparison) (?, ?)"
                arguments += [Data(bound.key), id]
            } else {
                sql += " AND key \(comparison) ?"
                arguments += [Data(bound.key)]
            }
        }
        return (sql, arguments)
    }
}
