/// A five-character error code of PostgreSQL, compared by value: `catch where error.sqlState == .uniqueViolation`.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package static let featureNotSupported = SQLState(rawValue: "0A000")
    package static let notNullViolation = SQLState(rawValue: "23502")
    package static let foreignKeyViolation = SQLState(rawValue: "23503")
    package static let uniqueViolation = SQLState(rawValue: "23505")
    package static let checkViolation = SQLState(rawValue: "23514")
    package static let inFailedTransaction = SQLState(rawValue: "25P02")
    package static let idleInTransactionTimeout = SQLState(rawValue: "25P03")
    package static let invalidStatementName = SQLState(rawValue: "26000")
    package static let invalidAuthorization = SQLState(rawValue: "28000")
    package static let invalidPassword = SQLState(rawValue: "28P01")
    package static let unknownDatabase = SQLState(rawValue: "3D000")
    package static let serializationFailure = SQLState(rawValue: "40001")
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    package static let syntaxError = SQLState(rawValue: "42601")
    package static let undefinedTable = SQLState(rawValue: "42P01")
    package static let undefinedColumn = SQLState(rawValue: "42703")
    package static let tooManyConnections = SQLState(rawValue: "53300")
    package static let lockNotAvailable = SQLState(rawValue: "55P03")
    package static let queryCanceled = SQLState(rawValue: "57014")
    package static let adminShutdown = SQLState(rawValue: "57P01")
    package static let crashShutdown = SQLState(rawValue: "57P02")
    package static let cannotConnectNow = SQLState(rawValue: "57P03")

    /// The first two characters, which name the class of the error.
    package var classCode: String { String(rawValue.prefix(2)) }

    package var description: String { rawValue }

    /// Whether the transaction lost against another one and may be run again.
    package var isRetryable: Bool {
        self == .serializationFailure || self == .deadlockDetected
    }

    /// Whether a refused connection may be accepted a little later: starting up, shutting down, full.
    var isTransientRefusal: Bool {
        self == .cannotConnectNow || self == .tooManyConnections || self == .adminShutdown || self == .crashShutdown
    }

    /// Whether the server's message quotes the offending value (class 22, data exceptions).
    var quotesValues: Bool { classCode == "22" }
}

/// An error report of the server.
package struct PostgresServerError: Error, Equatable, CustomStringConvertible {
    package let sqlState: SQLState
    /// The primary message; may quote a value of the statement.
    package let message: String
    /// More of the same; often quotes values.
    package let detail: String?
    package let hint: String?
    package let schema: String?
    package let table: String?
    package let column: String?
    package let constraint: String?
    /// Whether the server ends the connection with it.
    let isFatal: Bool
    /// The one-based character of the statement that the error points at.
    package let position: Int?
    /// Which statement of a pipeline it was, from 0.
    package internal(set) var pipelineIndex: Int?

    /// The code and the message, without what may hold a value of the statement.
    package var description: String {
        var text = "PostgreSQL error \(sqlState)"
        if !sqlState.quotesValues { text += ": \(message)" }
        if sqlState == .queryCanceled { text += " (statement_timeout, or cancelled by an administrator)" }
        if let position { text += " at character \(position)" }
        if let pipelineIndex { text += " in statement \(pipelineIndex) of the pipeline" }
        return text
    }
}
