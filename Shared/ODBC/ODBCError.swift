/// What can go wrong between this process and a database through ODBC.
///
/// ``description`` holds no parameter and no row's value; what the driver itself said, which may quote one, is in
/// ``ODBCDiagnostic/message`` and is to be asked for.
package enum ODBCError: Error, Hashable, Sendable {
    /// No connection could be made.
    case connectionFailed(ODBCDiagnostic)
    /// An established connection broke; what was under way may or may not have happened.
    case connectionLost(ODBCDiagnostic)
    /// The connection broke while a transaction was being committed: it may or may not be.
    case commitOutcomeUnknown(ODBCDiagnostic)
    /// The database refused a statement, which is one of a list.
    case server(ODBCDiagnostic, statement: Int)
    /// A statement of a list was run and failed while its results were read: unless it was in a transaction, which is
    /// undone, it may have had its effect, in part or as a whole.
    case failedLater(ODBCDiagnostic, statement: Int)
    /// Making a connection took longer than it is given.
    case connectTimedOut
    /// The time was over; the statement was cancelled, or its connection thrown away.
    case timedOut
    /// The task was cancelled, and so was the statement.
    case cancelled
    /// A result is larger than the call allows.
    case limitExceeded(ODBCLimits.Kind)
    /// The pool is closed.
    case closed
}

extension ODBCError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .connectionFailed(let diagnostic): "cannot connect through ODBC (\(diagnostic.sqlState))"
        case .connectionLost(let diagnostic): "the connection through ODBC broke (\(diagnostic.sqlState))"
        case .commitOutcomeUnknown(let diagnostic):
            "the connection through ODBC broke during a commit, whose outcome is unknown (\(diagnostic.sqlState))"
        case .server(let diagnostic, let statement):
            "the database refused statement \(statement + 1) (\(diagnostic.sqlState))"
        case .failedLater(let diagnostic, let statement):
            "statement \(statement + 1) failed while its results were read (\(diagnostic.sqlState))"
        case .connectTimedOut: "connecting through ODBC took too long"
        case .timedOut: "a statement through ODBC took too long"
        case .cancelled: "the task was cancelled"
        case .limitExceeded(let kind): "the result has too many \(kind.rawValue)"
        case .closed: "the connections through ODBC are closed"
        }
    }
}

/// What a driver or the driver manager says of a failure.
package struct ODBCDiagnostic: Error, Hashable, Sendable {
    /// The SQLSTATE: five characters, the first two its class.
    package let sqlState: String
    /// The database's own number of the error; 0 when it has none.
    package let nativeCode: Int
    /// The text without the names of the programs that it passed through; may quote values.
    package let message: String

    /// Whether it says that the connection is no more.
    ///
    /// 2006 and 2013 are MySQL's "server has gone away" and "lost connection during query", which come as `HY000`.
    var isConnectionLost: Bool {
        sqlState.hasPrefix("08") || (sqlState == "HY000" && [2_006, 2_013].contains(nativeCode))
    }
}

/// How much a list of statements may answer.
package struct ODBCLimits: Hashable, Sendable {
    /// What there can be too much of.
    package enum Kind: String, Hashable, Sendable {
        case rows
        case bytes
        case results
    }

    /// The most rows of all results together.
    package var rows: Int
    /// The most bytes of all values together.
    package var bytes: Int
    /// The most results of one list of statements.
    static let results = 1_000

    package init(rows: Int, bytes: Int) {
        self.rows = rows
        self.bytes = bytes
    }
}
