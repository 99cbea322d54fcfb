import CODBC

/// The memory that a statement's parameters are in while it runs.
final class ODBCParameters {
    private var buffers: [UnsafeMutableRawBufferPointer] = []
    /// The length of each value, or that it is NULL.
    private let indicators: UnsafeMutablePointer<SQLLEN>
    private let count: Int

    init(_ count: Int) {
        self.count = count
        indicators = .allocate(capacity: max(1, count))
        indicators.initialize(repeating: 0, count: max(1, count))
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
        indicators.deallocate()
    }

    /// `SQLBindParameter` for each, in order.
    static func bind(_ values: [ODBCParameter], to statement: ODBCHandle) throws(ODBCDiagnostic) -> ODBCParameters {
        let parameters = ODBCParameters(values.count)
        for (index, value) in values.enumerated() { try parameters.bind(value, at: index, to: statement) }
        return parameters
    }

    private func bind(_ value: ODBCParameter, at index: Int, to statement: ODBCHandle) throws(ODBCDiagnostic) {
        var form = Form(value)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(8, form.bytes.count), alignment: 8)
        buffers.append(buffer)
        buffer.copyBytes(from: form.bytes)
        if form.isNull { form.bytes = [] }
        indicators[index] = form.isNull ? CODBC_NULL_DATA : SQLLEN(form.bytes.count)
        try statement.check(
            SQLBindParameter(
                statement.pointer,
                SQLUSMALLINT(index + 1),
                SQLSMALLINT(SQL_PARAM_INPUT),
                form.memoryType,
                form.sqlType,
                form.size,
                form.digits,
                buffer.baseAddress,
                SQLLEN(form.bytes.count),
                indicators + index
            )
        )
    }

    /// A value as ODBC takes it.
    private struct Form {
        var bytes: [UInt8] = []
        var isNull = false
        var memoryType = CODBC_C_WCHAR
        var sqlType = SQLSMALLINT(SQL_WVARCHAR)
        var size: SQLULEN = 1
        var digits: SQLSMALLINT = 0

        /// The longest text that is a `VARCHAR` for every database, in UTF-16 units.
        private static let longestVarchar = 4_000

        init(_ value: ODBCParameter) {
            switch value {
            case .null: isNull = true
            case .integer(let number):
                memoryType = CODBC_C_SBIGINT
                sqlType = SQLSMALLINT(SQL_BIGINT)
                size = 19
                bytes = withUnsafeBytes(of: number, Array.init)
            case .double(let number):
                memoryType = CODBC_C_DOUBLE
                sqlType = SQLSMALLINT(SQL_DOUBLE)
                size = 15
                bytes = withUnsafeBytes(of: number, Array.init)
            case .decimal(let text):
                memoryType = CODBC_C_CHAR
                sqlType = SQLSMALLINT(SQL_DECIMAL)
                let fraction = text.split(separator: ".", maxSplits: 1).dropFirst().first?.count ?? 0
                size = SQLULEN(max(1, text.count { $0.isNumber }))
                digits = SQLSMALLINT(fraction)
                bytes = Array(text.utf8)
            case .text(let text):
                let units = Array(text.utf16)
                bytes = units.withUnsafeBytes(Array.init)
                size = SQLULEN(max(1, units.count))
                sqlType = SQLSMALLINT(units.count > Self.longestVarchar ? SQL_WLONGVARCHAR : SQL_WVARCHAR)
            }
        }
    }
}
