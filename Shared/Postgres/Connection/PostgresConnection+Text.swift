import CPostgres
import Foundation

extension PostgresConnection {
    /// Runs a statement whose parameters and results are texts, for statements that are not this program's own.
    ///
    /// The server infers the parameters' types from where they stand, and writes every type as it prints it. More rows
    /// or bytes than the limits are not read: the result says that it was cut, and the statement is cancelled.
    ///
    /// - Parameters:
    ///   - sql: One statement, with `$1`, `$2` … for the parameters.
    ///   - parameters: The values; nil is NULL.
    ///   - maximumRows: The most rows that are read.
    ///   - maximumBytes: The most bytes of values that are read.
    package func text(
        _ sql: String,
        _ parameters: [String?],
        maximumRows: Int,
        maximumBytes: Int
    ) async throws(PostgresError) -> PostgresTextRows {
        guard parameters.count <= Self.maximumParameters else {
            throw .limitExceeded("\(parameters.count) parameters; the limit is \(Self.maximumParameters)")
        }
        let number = try await interruptible { () throws(PostgresError) -> UInt64 in
            try startExchange(.pipeline) { handle throws(PostgresError) in
                try handle.sendText(sql, parameters)
            }
        }
        return try await continueExchange(number) { handle throws(PostgresError) in
            var rows = PostgresTextRows()
            var bytes = 0
            while true {
                guard let result = try handle.nextResult() else { continue }
                switch result.status {
                case PGRES_SINGLE_TUPLE:
                    let row = (0..<result.columnCount).map { result.text(column: $0) }
                    bytes += row.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
                    guard rows.rows.count < maximumRows, bytes <= maximumBytes else {
                        // Whatever comes next on this connection ends the exchange.
                        rows.cut = rows.rows.count < maximumRows ? .bytes : .rows
                        return rows
                    }
                    rows.rows.append(row)
                case PGRES_TUPLES_OK:
                    rows.columns = result.textColumns
                    rows.affected = result.affected
                case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                    rows.affected = result.affected
                case PGRES_PIPELINE_SYNC:
                    finishExchange()
                    return rows
                case PGRES_FATAL_ERROR: throw handle.error(of: result)
                default:
                    _ = handle.broken()
                    throw .misuse("COPY is not a statement with a result")
                }
            }
        }
    }
}

/// What ``PostgresConnection/text(_:_:maximumRows:maximumBytes:)`` gave.
package struct PostgresTextRows: Sendable {
    /// A column and its type.
    package struct Column: Sendable, Hashable {
        package let name: String
        package let type: PostgresType
    }

    /// Which limit was met.
    package enum Cut: Sendable, Hashable {
        case rows
        case bytes
    }

    /// None for a statement without rows, and for one that was cut.
    package internal(set) var columns: [Column] = []
    /// The values as the server prints them; nil is NULL.
    package internal(set) var rows: [[String?]] = []
    /// How many rows the statement read or changed, as its tag says.
    package internal(set) var affected = 0
    /// Why reading stopped before the end; nil when it did not.
    package internal(set) var cut: Cut?
}

extension ConnectionHandle {
    /// `PQsendQueryParams`, all values and results as text, in single-row mode.
    func sendText(_ sql: String, _ parameters: [String?]) throws(PostgresError) {
        if PQpipelineStatus(connection) == PQ_PIPELINE_OFF { try check(PQenterPipelineMode(connection)) }
        let copies = parameters.map { text in text.map { strdup($0) } ?? nil }
        defer { for copy in copies { free(copy) } }
        let values = copies.map { $0.map { UnsafePointer($0) } }
        try check(PQsendQueryParams(connection, sql, Int32(values.count), nil, values, nil, nil, 0))
        try check(PQpipelineSync(connection))
        guard PQsetSingleRowMode(connection) == 1 else { throw broken() }
    }
}

extension ResultHandle {
    fileprivate var textColumns: [PostgresTextRows.Column] {
        (0..<columnCount).map { PostgresTextRows.Column(name: columnName($0), type: columnType($0)) }
    }

    /// The first row's value as text.
    fileprivate func text(column: Int) -> String? {
        cell(row: 0, column: column).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}
