import CODBC

/// Reads the rows of a statement's present result, within limits.
final class ODBCRowReader {
    private static let bufferSize = 16_384

    private let statement: ODBCHandle
    private let hasDynamicTypes: Bool
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 8)
    /// What is left of the limits.
    private(set) var limits: ODBCLimits

    /// Why reading stopped.
    enum Stop: Error {
        /// The statement was not run.
        case refused(ODBCDiagnostic)
        /// The statement was run, and its results break off.
        case failed(ODBCDiagnostic)
        case limit(ODBCLimits.Kind)
        case cancelled
    }

    init(_ statement: ODBCHandle, limits: ODBCLimits, hasDynamicTypes: Bool) {
        self.statement = statement
        self.limits = limits
        self.hasDynamicTypes = hasDynamicTypes
    }

    deinit {
        buffer.deallocate()
    }

    /// The present result: its rows, or how many were changed.
    func result(isCancelled: () -> Bool) throws(Stop) -> ODBCResult {
        var columnCount: SQLSMALLINT = 0
        try check(SQLNumResultCols(statement.pointer, &columnCount))
        guard columnCount > 0 else {
            var count: SQLLEN = -1
            _ = SQLRowCount(statement.pointer, &count)
            return ODBCResult(columns: [], rows: [], affected: count >= 0 ? Int(count) : nil)
        }
        var columns: [Column] = []
        for number in 1...SQLUSMALLINT(columnCount) { columns.append(try column(number)) }
        var result = ODBCResult(columns: columns.map(\.name), rows: [], affected: nil)
        while true {
            guard !isCancelled() else { throw .cancelled }
            let code = SQLFetch(statement.pointer)
            guard code != SQL_NO_DATA else { return result }
            try check(code)
            guard limits.rows > 0 else { throw .limit(.rows) }
            limits.rows -= 1
            var row: [ODBCValue] = []
            row.reserveCapacity(columns.count)
            for column in columns { row.append(try value(of: column)) }
            result.rows.append(row)
        }
    }

    private struct Column {
        let number: SQLUSMALLINT
        let name: String
        let type: Int32
    }

    /// `SQLDescribeCol`.
    private func column(_ number: SQLUSMALLINT) throws(Stop) -> Column {
        var name = [SQLWCHAR](repeating: 0, count: 512)
        var (length, type, digits, nullable): (SQLSMALLINT, SQLSMALLINT, SQLSMALLINT, SQLSMALLINT) = (0, 0, 0, 0)
        var size: SQLULEN = 0
        try check(
            SQLDescribeColW(
                statement.pointer,
                number,
                &name,
                SQLSMALLINT(name.count),
                &length,
                &type,
                &size,
                &digits,
                &nullable
            )
        )
        return Column(
            number: number,
            name: String(decoding: name.prefix { $0 != 0 }, as: UTF16.self),
            type: hasDynamicTypes ? declaredType(of: number) ?? Int32(type) : Int32(type)
        )
    }

    /// The type of a column whose driver gives the name that it was declared with, but takes decimals for texts.
    private func declaredType(of number: SQLUSMALLINT) -> Int32? {
        var name = [SQLWCHAR](repeating: 0, count: 128)
        var (length, value): (SQLSMALLINT, SQLLEN) = (0, 0)
        let size = SQLSMALLINT(name.count * MemoryLayout<SQLWCHAR>.size)
        let field = SQLUSMALLINT(SQL_DESC_TYPE_NAME)
        guard
            ODBCHandle.isSuccess(
                SQLColAttributeW(statement.pointer, number, field, &name, size, &length, &value)
            )
        else { return nil }
        let text = String(decoding: name.prefix { $0 != 0 }, as: UTF16.self).lowercased()
        return text.hasPrefix("decimal") || text.hasPrefix("numeric") ? SQL_DECIMAL : nil
    }

    private func value(of column: Column) throws(Stop) -> ODBCValue {
        switch column.type {
        case SQL_BIT:
            var bit: UInt8 = 0
            return try read(column, CODBC_C_BIT, &bit).map { .bool($0 != 0) } ?? .null
        case SQL_TINYINT, SQL_SMALLINT, SQL_INTEGER, SQL_BIGINT, SQL_DECIMAL, SQL_NUMERIC:
            return try bytes(of: column, CODBC_C_CHAR, terminator: 1)
                .map { .number(String(decoding: $0, as: UTF8.self)) } ?? .null
        case SQL_REAL, SQL_FLOAT, SQL_DOUBLE:
            var number: Double = 0
            return try read(column, CODBC_C_DOUBLE, &number).map { .double($0) } ?? .null
        case SQL_BINARY, SQL_VARBINARY, SQL_LONGVARBINARY:
            return try bytes(of: column, CODBC_C_BINARY, terminator: 0).map { .binary($0) } ?? .null
        case SQL_TYPE_TIMESTAMP where !hasDynamicTypes:
            var time = SQL_TIMESTAMP_STRUCT()
            return try read(column, CODBC_C_TYPE_TIMESTAMP, &time).map { .text($0.text) } ?? .null
        case SQL_TYPE_DATE where !hasDynamicTypes:
            var date = SQL_DATE_STRUCT()
            return try read(column, CODBC_C_TYPE_DATE, &date).map { .text($0.text) } ?? .null
        default:
            return try bytes(of: column, CODBC_C_WCHAR, terminator: 2).map { .text(Self.text($0)) } ?? .null
        }
    }

    /// `SQLGetData` for a value of a fixed size; nil is NULL.
    private func read<Value>(
        _ column: Column,
        _ type: SQLSMALLINT,
        _ value: inout Value
    ) throws(Stop) -> Value? {
        var indicator: SQLLEN = 0
        let size = MemoryLayout<Value>.size
        let code = withUnsafeMutableBytes(of: &value) { memory in
            SQLGetData(statement.pointer, column.number, type, memory.baseAddress, SQLLEN(size), &indicator)
        }
        try check(code)
        try spend(size)
        return indicator == CODBC_NULL_DATA ? nil : value
    }

    /// `SQLGetData` for a value of any length, piece by piece; nil is NULL.
    private func bytes(of column: Column, _ type: SQLSMALLINT, terminator: Int) throws(Stop) -> [UInt8]? {
        var result: [UInt8] = []
        let room = Self.bufferSize - terminator
        while true {
            var indicator: SQLLEN = 0
            let code = SQLGetData(
                statement.pointer,
                column.number,
                type,
                buffer.baseAddress,
                SQLLEN(Self.bufferSize),
                &indicator
            )
            guard code != SQL_NO_DATA else { return result }
            try check(code)
            guard indicator != CODBC_NULL_DATA else { return nil }
            let isPiece = indicator == CODBC_NO_TOTAL || indicator > room
            let count = isPiece ? room : Int(indicator)
            try spend(count)
            result.append(contentsOf: buffer[..<count])
            if !isPiece || code == SQL_SUCCESS { return result }
        }
    }

    private func spend(_ bytes: Int) throws(Stop) {
        limits.bytes -= bytes
        guard limits.bytes >= 0 else { throw .limit(.bytes) }
    }

    private func check(_ code: SQLRETURN) throws(Stop) {
        guard ODBCHandle.isSuccess(code) else { throw .failed(statement.diagnostic) }
    }

    /// UTF-16 in the machine's order.
    private static func text(_ bytes: [UInt8]) -> String {
        let units = stride(from: 0, to: bytes.count - bytes.count % 2, by: 2).map { index in
            UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
        }
        return String(decoding: units, as: UTF16.self)
    }
}

extension SQL_DATE_STRUCT {
    /// ISO 8601.
    fileprivate var text: String { "\(padded(Int(year), 4))-\(padded(Int(month), 2))-\(padded(Int(day), 2))" }
}

extension SQL_TIMESTAMP_STRUCT {
    /// ISO 8601, with as many digits of the second's fraction as are not zero; the database's own time zone.
    fileprivate var text: String {
        let date = "\(padded(Int(year), 4))-\(padded(Int(month), 2))-\(padded(Int(day), 2))"
        let time = "\(padded(Int(hour), 2)):\(padded(Int(minute), 2)):\(padded(Int(second), 2))"
        guard fraction > 0 else { return "\(date)T\(time)" }
        var digits = padded(Int(fraction), 9)
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(date)T\(time).\(digits)"
    }
}

/// The number with zeros before it.
private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
