import CODBC

/// One of ODBC's handles, freed with its owner, used from one thread.
///
/// Source: <https://learn.microsoft.com/sql/odbc/reference/develop-app/handles>
final class ODBCHandle {
    /// What a handle stands for.
    enum Kind {
        case environment
        case connection
        case statement

        var code: SQLSMALLINT {
            switch self {
            case .environment: SQLSMALLINT(SQL_HANDLE_ENV)
            case .connection: SQLSMALLINT(SQL_HANDLE_DBC)
            case .statement: SQLSMALLINT(SQL_HANDLE_STMT)
            }
        }
    }

    let pointer: UnsafeMutableRawPointer
    private let kind: Kind
    /// What the handle lives in.
    private let parent: ODBCHandle?

    /// Adopts the pointer.
    private init(adopting pointer: UnsafeMutableRawPointer, kind: Kind, parent: ODBCHandle?) {
        self.pointer = pointer
        self.kind = kind
        self.parent = parent
    }

    deinit {
        if kind == .connection { disconnect() }
        SQLFreeHandle(kind.code, pointer)
    }

    /// `SQLDisconnect`, without which the driver manager frees no connection, and the server keeps its side of it.
    private func disconnect() {
        guard !Self.isSuccess(SQLDisconnect(pointer)) else { return }
        // It is refused while a transaction is open.
        SQLEndTran(kind.code, pointer, SQLSMALLINT(SQL_ROLLBACK))
        SQLDisconnect(pointer)
    }

    /// `SQLAllocHandle` for an environment of ODBC 3.
    static func environment() throws(ODBCDiagnostic) -> ODBCHandle {
        let handle = try allocate(.environment, in: nil)
        try handle.check(
            codbc_set_environment_attribute(handle.pointer, SQL_ATTR_ODBC_VERSION, SQLULEN(SQL_OV_ODBC3))
        )
        return handle
    }

    /// `SQLAllocHandle`.
    static func allocate(_ kind: Kind, in parent: ODBCHandle?) throws(ODBCDiagnostic) -> ODBCHandle {
        var pointer: UnsafeMutableRawPointer?
        let code = SQLAllocHandle(kind.code, parent?.pointer, &pointer)
        guard isSuccess(code), let pointer else {
            throw parent?.diagnostic ?? ODBCDiagnostic(sqlState: "HY001", nativeCode: 0, message: "no memory")
        }
        return ODBCHandle(adopting: pointer, kind: kind, parent: parent)
    }

    static func isSuccess(_ code: SQLRETURN) -> Bool {
        code == SQL_SUCCESS || code == SQL_SUCCESS_WITH_INFO
    }

    /// Throws what the handle says when a call failed.
    func check(_ code: SQLRETURN) throws(ODBCDiagnostic) {
        guard Self.isSuccess(code) else { throw diagnostic }
    }

    /// `SQLGetDiagRec`: the first record.
    var diagnostic: ODBCDiagnostic {
        var state = [SQLWCHAR](repeating: 0, count: 6)
        var native: SQLINTEGER = 0
        var text = [SQLWCHAR](repeating: 0, count: 2_048)
        var length: SQLSMALLINT = 0
        let code = SQLGetDiagRecW(kind.code, pointer, 1, &state, &native, &text, SQLSMALLINT(text.count), &length)
        guard Self.isSuccess(code) else {
            return ODBCDiagnostic(sqlState: "HY000", nativeCode: 0, message: "the driver does not say why")
        }
        return ODBCDiagnostic(
            sqlState: String(decoding: state.prefix(5), as: UTF16.self),
            nativeCode: Int(native),
            message: Self.withoutOrigins(String(decoding: text.prefix { $0 != 0 }, as: UTF16.self))
        )
    }

    /// Takes `[vendor][driver][server]` off a text.
    private static func withoutOrigins(_ text: String) -> String {
        var rest = text[...]
        while rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
        }
        return String(rest)
    }
}
