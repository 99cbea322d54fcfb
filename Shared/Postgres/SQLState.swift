/// A five-character error code of PostgreSQL, compared by value: `catch where error.sqlState == .uniqueViolation`.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// A text with U+0000 in it, which PostgreSQL does not take.
    public static let characterNotInRepertoire = SQLState(rawValue: "22021")
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    public static let uniqueViolation = SQLState(rawValue: "23505")
    public static let invalidStatementName = SQLState(rawValue: "26000")
    public static let invalidPassword = SQLState(rawValue: "28P01")
    public static let unknownDatabase = SQLState(rawValue: "3D000")
    public static let serializationFailure = SQLState(rawValue: "40001")
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    public static let syntaxError = SQLState(rawValue: "42601")
    public static let tooManyConnections = SQLState(rawValue: "53300")
    public static let queryCanceled = SQLState(rawValue: "57014")
    public static let adminShutdown = SQLState(rawValue: "57P01")
    public static let crashShutdown = SQLState(rawValue: "57P02")
    public static let cannotConnectNow = SQLState(rawValue: "57P03")

    /// The first two characters, which name the class of the error.
    public var classCode: String { String(rawValue.prefix(2)) }

    public var description: String { rawValue }

    /// Whether the transaction lost against another one and may be run again.
    public var isRetryable: Bool {
        self == .serializationFailure || self == .deadlockDetected
    }

    /// Whether a refused connection may be accepted a little later: starting up, shutting down, full.
    package var isTransientRefusal: Bool {
        self == .cannotConnectNow || self == .tooManyConnections || self == .adminShutdown || self == .crashShutdown
    }

    /// Whether the server's message quotes the offending value (class 22, data exceptions).
    var quotesValues: Bool { classCode == "22" }
}

/// An error report of the server.
public struct PostgresServerError: Error, Equatable, CustomStringConvertible {
    public let sqlState: SQLState
    /// The primary message; may quote a value of the statement.
    public let message: String
    /// More of the same; often quotes values.
    public let detail: String?
    public let hint: String?
    public let schema: String?
    public let table: String?
    public let column: String?
    public let constraint: String?
    /// Whether the server ends the connection with it.
    let isFatal: Bool
    /// The one-based character of the statement that the error points at.
    public let position: Int?
    /// Which statement of a pipeline it was, from 0.
    public internal(set) var pipelineIndex: Int?

    /// The code and the message, without what may hold a value of the statement.
    public var description: String {
        var text = "PostgreSQL error \(sqlState)"
        if !sqlState.quotesValues { text += ": \(message)" }
        if sqlState == .queryCanceled { text += " (statement_timeout, or cancelled by an administrator)" }
        if let position { text += " at character \(position)" }
        if let pipelineIndex { text += " in statement \(pipelineIndex) of the pipeline" }
        return text
    }
}
