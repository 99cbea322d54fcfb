/// What can go wrong between this process and PostgreSQL.
///
/// No case holds a parameter, a row's value or a password, and neither does ``description``; what the server itself
/// said, which may quote a value, is in ``PostgresServerError`` and is to be asked for.
public enum PostgresError: Error, Equatable {
    /// The configuration is not usable; the text says which part and never shows the URL.
    case invalidConfiguration(String)
    /// No connection could be made; the server's code when it was the server that refused.
    case connectionFailed(String, SQLState? = nil)
    /// An established connection broke; what was under way may or may not have happened.
    case connectionLost(String)
    /// The connection broke while a transaction was being committed: it may or may not be.
    case commitOutcomeUnknown(String)
    /// The server refused a statement.
    case server(PostgresServerError)
    /// Something took longer than it is given.
    case timedOut(Phase)
    /// The task was cancelled; what it had asked of the server was cancelled there too.
    case cancelled
    /// The pool or the connection is closed.
    case closed
    /// A column's value could not become the wanted Swift type.
    case decoding(PostgresDecodingFailure)
    /// A limit of the protocol or of this module was exceeded.
    case limitExceeded(String)
    /// The call does not fit the state or the statement (a COPY run as a query, a transaction that had failed).
    case misuse(String)
    /// The migrations that the program holds and those that the database has had do not agree.
    case migration(String)

    /// What took too long.
    public enum Phase: String, Sendable {
        case acquire = "waiting for a free connection"
        case connect = "connecting"
        case statement = "running a statement"
    }
}

extension PostgresError {
    /// The code when the server refused, at connecting or later.
    public var sqlState: SQLState? {
        switch self {
        case .server(let error): error.sqlState
        case .connectionFailed(_, let state): state
        default: nil
        }
    }

    /// Whether the same transaction may succeed when it is run again: it lost against another, or its connection
    /// broke before its commit was sent.
    public var isRetryable: Bool {
        switch self {
        case .server(let error): error.sqlState.isRetryable
        case .connectionLost: true
        default: false
        }
    }

    /// Whether the server cannot be reached at the moment, as opposed to having refused.
    public var isUnavailable: Bool {
        switch self {
        case .connectionLost, .timedOut(.connect), .timedOut(.acquire): true
        case .connectionFailed(_, let state): state?.isTransientRefusal ?? true
        default: false
        }
    }

    /// Whether the same statement may succeed a little later, where it does no harm that it may have happened already.
    package var mayPass: Bool {
        switch self {
        case .timedOut: true
        default: isUnavailable || isRetryable || sqlState?.isTransientRefusal == true || sqlState == .queryCanceled
        }
    }

    /// Whether the server refused what it was given (class 22, data exceptions; 23, integrity constraints), as it will
    /// each time.
    package var refusesData: Bool {
        guard case .server(let error) = self else { return false }
        return ["22", "23"].contains(error.sqlState.classCode)
    }

    /// A word from a bounded set, for metric labels.
    public var code: String {
        switch self {
        case .invalidConfiguration: "configuration"
        case .connectionFailed: "connection_failed"
        case .connectionLost, .commitOutcomeUnknown: "connection_lost"
        case .server(let error): "sqlstate_\(error.sqlState.classCode)"
        case .timedOut(let phase): "timeout_\(phase)"
        case .cancelled: "cancelled"
        case .closed: "closed"
        case .decoding: "decoding"
        case .limitExceeded: "limit"
        case .misuse: "misuse"
        case .migration: "migration"
        }
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidConfiguration(let reason): "PostgreSQL configuration: \(reason)"
        case .connectionFailed(let reason, _): "cannot connect to PostgreSQL: \(reason)"
        case .connectionLost(let reason): "the connection to PostgreSQL broke: \(reason)"
        case .commitOutcomeUnknown(let reason):
            "the connection to PostgreSQL broke during COMMIT, whose outcome is unknown: \(reason)"
        case .server(let error): error.description
        case .timedOut(let phase): "PostgreSQL: \(phase.rawValue) took too long"
        case .cancelled: "PostgreSQL: the task was cancelled"
        case .closed: "PostgreSQL: the connection or the pool is closed"
        case .decoding(let failure): failure.description
        case .limitExceeded(let reason): "PostgreSQL: \(reason)"
        case .misuse(let reason): "PostgreSQL: \(reason)"
        case .migration(let reason): "PostgreSQL migrations: \(reason)"
        }
    }
}

/// A column's value that could not become the wanted type.
public struct PostgresDecodingFailure: Error, Equatable, CustomStringConvertible {
    /// The column's name, or its place when it has none.
    public let column: String
    /// The PostgreSQL type that the Swift type stands for.
    public let expected: String
    /// The PostgreSQL type of the column, or NULL.
    public let found: String
    /// What is wrong when the types would have matched.
    public let reason: String?

    public var description: String {
        let problem = reason.map { " (\($0))" } ?? ""
        return "PostgreSQL: column \"\(column)\": expected \(expected), found \(found)\(problem)"
    }
}
