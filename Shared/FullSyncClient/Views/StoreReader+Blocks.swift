import CouchProtocol
import Foundation
import GRDB
import ViewRules

/// The blocks of a view that a range touches, in the order of a query, each with where the one behind it begins.
struct BlockCursor {
    fileprivate let rows: RowCursor?
    fileprivate let vault: Vault
    fileprivate let function: BuiltInReduce?
    /// The range of the query.
    fileprivate let (first, end): (RowPlace?, RowPlace?)
    fileprivate let isDescending: Bool
    /// The block that was read and not given yet; of a query that goes down, where the one above begins.
    fileprivate var ahead: KeptBlock?
    fileprivate var above: RowPlace?
    fileprivate var isAtEnd = false

    mutating func next() throws -> (block: KeptBlock, end: RowPlace?)? {
        guard !isAtEnd else { return nil }
        return isDescending ? try nextBelow() : try nextAbove()
    }

    private mutating func nextAbove() throws -> (block: KeptBlock, end: RowPlace?)? {
        guard let block = ahead, end.map({ block.start < $0 }) ?? true else { return nil }
        ahead = try read()
        return (block, ahead?.start)
    }

    private mutating func nextBelow() throws -> (block: KeptBlock, end: RowPlace?)? {
        guard let block = ahead else { return nil }
        defer { above = block.start }
        // Below the one in which the range begins is nothing of it.
        if let first, block.start <= first { isAtEnd = true } else { ahead = try read() }
        return (block, above)
    }

    fileprivate mutating func read() throws -> KeptBlock? {
        guard let row = try rows?.next() else { return nil }
        let start = RowPlace(key: Array(row[0] as Data), id: row[1], position: row[2])
        guard let firstKey: Data = row[3], let lastKey: Data = row[4], let json: Data = row[5],
            let reduction: Data = row[6]
        else { return KeptBlock(start: start, content: nil) }
        let content = KeptBlock.Content(
            firstKey: Array(firstKey),
            lastKey: Array(lastKey),
            json: try vault.opened(json),
            reduction: try Reduction(try vault.opened(reduction), by: function)
        )
        return KeptBlock(start: start, content: content)
    }
}

extension StoreReader {
    /// The blocks that a range touches; of a view that has none yet one that was never reduced.
    ///
    /// - Parameters:
    ///   - first: The first place of the range; nil for the view's beginning.
    ///   - end: The first place behind the range; nil for the view's end.
    ///   - function: What reduced them; nil for a function in JavaScript.
    func blocks(
        of view: Int64,
        from first: RowPlace?,
        to end: RowPlace?,
        isDescending: Bool,
        _ function: BuiltInReduce?
    ) throws -> BlockCursor {
        let from = try first.flatMap { try block(of: view, with: $0) } ?? .start
        let above = isDescending ? try end.flatMap { try block(of: view, notBefore: $0) } : nil
        let way = isDescending ? "DESC" : "ASC"
        let (condition, arguments): (String, StatementArguments) =
            above.map { (" AND (key, id, position) < (?, ?, ?)", [Data($0.key), $0.id, $0.position]) } ?? ("", [])
        let statement = try db.cachedStatement(
            sql: """
                SELECT key, id, position, first_key, last_key, json, reduction FROM view_blocks
                WHERE view = ? AND (key, id, position) >= (?, ?, ?)\(condition)
                ORDER BY key \(way), id \(way), position \(way)
                """
        )
        let rows = try Row.fetchCursor(
            statement,
            arguments: [view, Data(from.key), from.id, from.position] + arguments
        )
        var cursor = BlockCursor(
            rows: rows,
            vault: vault,
            function: function,
            first: first,
            end: end,
            isDescending: isDescending,
            above: above
        )
        cursor.ahead = try cursor.read() ?? KeptBlock(start: .start, content: nil)
        return cursor
    }

    /// Where the block begins that a place is in; nil when the view has none.
    private func block(of view: Int64, with place: RowPlace) throws -> RowPlace? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT key, id, position FROM view_blocks WHERE view = ? AND (key, id, position) <= (?, ?, ?)
                ORDER BY key DESC, id DESC, position DESC LIMIT 1
                """
        )
        return try Self.place(statement, [view, Data(place.key), place.id, place.position])
    }

    /// Where the first block begins that does not begin before a place; nil when there is none.
    private func block(of view: Int64, notBefore place: RowPlace) throws -> RowPlace? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT key, id, position FROM view_blocks WHERE view = ? AND (key, id, position) >= (?, ?, ?)
                ORDER BY key, id, position LIMIT 1
                """
        )
        return try Self.place(statement, [view, Data(place.key), place.id, place.position])
    }

    private static func place(_ statement: Statement, _ arguments: StatementArguments) throws -> RowPlace? {
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
        return RowPlace(key: Array(row[0] as Data), id: row[1], position: row[2])
    }

    /// What the rows and blocks of a view are numbered with: it changes whenever they do.
    func version(of view: Int64) throws -> Int {
        let statement = try db.cachedStatement(sql: "SELECT version FROM views WHERE number = ?")
        guard let version = try Int.fetchOne(statement, arguments: [view]) else {
            throw CouchError.notFound("The index was removed.")
        }
        return version
    }
}
