import Contracts
import Foundation
import JSON
import Logging
import Postgres
import Projects

/// Databases of back ends that are PostgreSQL, through libpq.
struct PostgresBackEnds: Sendable {
    private let clients: KeptClients<String, PostgresClient>
    private let files: PEMFiles
    private let logger: Logger

    init(files: PEMFiles, logger: Logger) {
        self.files = files
        self.logger = logger
        clients = KeptClients { await $0.close() }
    }

    func close() async { await clients.closeAll() }

    /// Runs the statements of a transaction; the result of each.
    ///
    /// - Parameter addresses: What the server's name stands for; it is not looked up again.
    func run(
        _ statements: [BoundSQL],
        of call: SQLCaller.Call,
        at server: SQLServerPlace,
        _ addresses: [String],
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> [[SQLResult]] {
        let client = try client(of: call, at: server, addresses)
        let limits = Limits(rows: call.connector.rowLimit, bytes: call.connector.responseLimit)
        let transaction = call.transaction
        let isSent = SentMark()
        do {
            return try await withDeadline(deadline) {
                guard transaction.isList else {
                    return try await client.withConnection { connection in
                        isSent.set()
                        return try await Self.run(statements, on: connection, limits)
                    }
                }
                let isolation = transaction.isolation?.postgres ?? .readCommitted
                return try await client.transaction(isolation) { connection in
                    isSent.set()
                    return try await Self.run(statements, on: connection, limits)
                }
            }
        } catch ExchangeFailure.timeout where !isSent.isSet {
            throw .connectFailed("no connection in time")
        } catch {
            throw ExchangeFailure(sql: error, limits, isUndone: transaction.isUndoneWhenRefused(by: .postgresql))
        }
    }

    /// How much a transaction may answer.
    struct Limits: Sendable {
        var rows: Int
        var bytes: Int
    }

    private static func run(
        _ statements: [BoundSQL],
        on connection: PostgresConnection,
        _ limits: Limits
    ) async throws -> [[SQLResult]] {
        var limits = limits
        var results: [[SQLResult]] = []
        for statement in statements {
            let rows = try await connection.text(
                statement.text,
                statement.parameters.map(text),
                maximumRows: limits.rows,
                maximumBytes: limits.bytes
            )
            switch rows.cut {
            case .rows: throw Cut.rows
            case .bytes: throw Cut.bytes
            case nil: break
            }
            limits.rows -= rows.rows.count
            limits.bytes -= rows.rows.reduce(0) { sum, row in sum + row.reduce(0) { $0 + ($1?.utf8.count ?? 0) } }
            let values = rows.rows.map { row in
                zip(row, rows.columns).map { PostgresValues.value(of: $0, type: $1.type) }
            }
            results.append([SQLResult(columns: rows.columns.map(\.name), rows: values, count: rows.affected)])
        }
        return results
    }

    /// Which limit was met.
    enum Cut: Error {
        case rows
        case bytes
    }

    /// A value as the server reads it: a list or an object as JSON.
    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .null: nil
        case .string(let text): text
        default: value.text
        }
    }

    private func client(
        of call: SQLCaller.Call,
        at server: SQLServerPlace,
        _ addresses: [String]
    ) throws(ExchangeFailure) -> PostgresClient {
        let url = try url(of: server, addresses)
        let timeout = call.connector.timeout
        let key = "\(url) \(call.connector.concurrency) \(timeout)"
        do {
            return try clients.client(of: call.name, for: key) {
                var configuration = try PostgresConfiguration(url: url)
                configuration.maximumConnections = call.connector.concurrency
                // The addresses share it: when it is longer than a call, a dead one would take all of each call's time.
                configuration.connectTimeout = min(configuration.connectTimeout, timeout)
                configuration.statementTimeout = SQLConnector.longestTimeout
                configuration.applicationName = "fullsync \(call.name.project).\(call.name.connector)"
                return PostgresClient(configuration, logger: logger)
            }
        } catch {
            throw .connectFailed("its address is not usable")
        }
    }

    private func url(of server: SQLServerPlace, _ addresses: [String]) throws(ExchangeFailure) -> String {
        var parameters = [
            // As ISO 8601 and in UTC, exact, and bytes in hexadecimal, whatever the database's own settings are.
            "options=" + Self.encoded("-c datestyle=ISO -c timezone=UTC -c extra_float_digits=1 -c bytea_output=hex"),
            "hostaddr=" + Self.encoded(addresses.joined(separator: ",")),
        ]
        switch server.security.mode {
        case .none: parameters.append("sslmode=disable")
        case .encrypt: parameters.append("sslmode=require")
        case .verify:
            let authority = try server.security.certificateAuthority.map { text throws(ExchangeFailure) in
                try files.path(of: text)
            }
            parameters += ["sslmode=verify-full", "sslrootcert=" + Self.encoded(authority ?? PEMFiles.system)]
        }
        let host = server.host.contains(":") ? "[\(server.host)]" : server.host
        // Each address has the name that the server's certificate is to be for.
        let places = addresses.map { _ in "\(host):\(server.port)" }.joined(separator: ",")
        return "postgresql://\(Self.encoded(server.user)):\(Self.encoded(server.password))@\(places)/"
            + Self.encoded(server.database) + "?" + parameters.joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.intersection(ascii)) ?? ""
    }

    private static let ascii = CharacterSet(charactersIn: "\u{20}"..."\u{7E}")
}

extension SQLConnector.Isolation {
    fileprivate var postgres: PostgresIsolation {
        switch self {
        case .readCommitted: .readCommitted
        case .repeatableRead: .repeatableRead
        case .serializable: .serializable
        }
    }
}

extension ExchangeFailure {
    /// What an error of PostgreSQL means.
    ///
    /// - Parameter isUndone: Whether nothing has happened when a statement is refused.
    fileprivate init(sql error: any Error, _ limits: PostgresBackEnds.Limits, isUndone: Bool) {
        switch error {
        case let failure as ExchangeFailure: self = failure
        case PostgresBackEnds.Cut.rows: self = .tooManyRows(limit: limits.rows)
        case PostgresBackEnds.Cut.bytes: self = .responseTooLarge(limit: limits.bytes)
        case let error as PostgresError: self = Self.meaning(of: error, isUndone)
        default: self = .cancelled
        }
    }

    private static func meaning(of error: PostgresError, _ isUndone: Bool) -> ExchangeFailure {
        switch error {
        case .connectionFailed(_, let state?) where !state.isTransientRefusal:
            .refused(
                BackEndRefusal(
                    code: "sql_login_failed",
                    reason: "the database refuses the connection (SQLSTATE \(state.rawValue))",
                    details: ["sqlState": .string(state.rawValue)]
                )
            )
        case .connectionFailed: .connectFailed("no connection to the database")
        case .connectionLost: .connectionLost("while a statement ran")
        case .commitOutcomeUnknown: .connectionLost("during COMMIT")
        case .server(let error):
            .refused(
                .sql(
                    state: error.sqlState.rawValue,
                    message: error.message,
                    more: error.constraint.map { ["constraint": .string($0)] } ?? [:],
                    effect: isUndone ? .none : .unknown
                )
            )
        case .timedOut(.statement): .timeout
        case .timedOut(.acquire): .connectFailed("no connection was free in time")
        case .timedOut(.connect): .connectFailed("no connection in time")
        case .cancelled, .closed: .cancelled
        default:
            .refused(
                BackEndRefusal(
                    code: "sql_error",
                    reason: "the statement cannot be run: \(error)",
                    effect: isUndone ? .none : .unknown
                )
            )
        }
    }
}

extension BackEndRefusal {
    /// A statement that a database refused; what it says itself may quote values, and goes to the sequence alone.
    static func sql(
        state: String,
        message: String,
        more: JSONObject,
        effect: Failure.Effect
    ) -> BackEndRefusal {
        var details: JSONObject = ["sqlState": .string(state), "message": .string(String(message.prefix(1_000)))]
        for (name, value) in more { details[name] = value }
        return BackEndRefusal(
            code: "sql_error",
            reason: "the database refused the statement (SQLSTATE \(state))",
            details: .object(details),
            effect: effect
        )
    }
}
