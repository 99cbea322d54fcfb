import Contracts
import Foundation
import JSON
import ODBC
import Projects

/// Databases of back ends that are reached through ODBC.
struct ODBCBackEnds: Sendable {
    private let clients: KeptClients<ODBCConnectionString, ODBCClient>
    private let files: PEMFiles
    /// The folder that SQLite's files must be in; nil allows none.
    private let folder: String?
    private let drivers: ODBCDrivers

    init(files: PEMFiles, folder: String?, drivers: ODBCDrivers) {
        self.files = files
        self.folder = folder
        self.drivers = drivers
        clients = KeptClients { await $0.close() }
    }

    func close() async { await clients.closeAll() }

    /// Runs the statements of a transaction; the results of each.
    ///
    /// - Parameter addresses: What the server's name stands for; none for a file.
    func run(
        _ statements: [BoundSQL],
        of call: SQLCaller.Call,
        at addresses: [String],
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> [[SQLResult]] {
        let connector = call.connector
        let string = try connectionString(of: connector, at: addresses)
        let client = clients.client(of: call.name, for: string) {
            ODBCClient(string, maximumIdle: connector.concurrency)
        }
        var batch = ODBCBatch(
            statements.map { ODBCStatement($0.text, $0.parameters.map { Self.parameter($0, connector.engine) }) },
            transaction: call.transaction.isList ? call.transaction.isolation?.odbc ?? .standard : nil,
            limits: ODBCLimits(rows: connector.rowLimit, bytes: connector.responseLimit)
        )
        if connector.engine == .mariadb || connector.engine == .mysql {
            // Their driver reads a whole result before it gives the first row: it can stream (`NO_CACHE`) since 3.1.17,
            // and Debian 12 has 3.1.15.
            batch.preparation = ["SET SESSION sql_select_limit = \(connector.rowLimit + 1)"]
        }
        do throws(ODBCError) {
            return try await client.run(batch, until: deadline).map { $0.map(SQLResult.init) }
        } catch {
            throw ExchangeFailure(error, of: call)
        }
    }

    private static func parameter(_ value: JSONValue, _ engine: SQLConnector.Engine) -> ODBCParameter {
        switch value {
        case .null: .null
        case .bool(let flag): .integer(flag ? 1 : 0)
        case .number(let number):
            if let integer = number.int {
                .integer(Int64(integer))
            } else if engine == .sqlite || number.text.contains(where: { $0 == "e" || $0 == "E" }) {
                .double(number.double)
            } else {
                .decimal(number.text)
            }
        case .string(let text): .text(text)
        case .array, .object: .text(value.text)
        }
    }

    private func connectionString(
        of connector: SQLConnector,
        at addresses: [String]
    ) throws(ExchangeFailure) -> ODBCConnectionString {
        var string = ODBCConnectionString(driver: try drivers.driver(of: connector))
        switch connector.place {
        case .file(let path):
            guard let folder else {
                throw .connectFailed(
                    "files of SQLite are not allowed here; the operator sets FULLSYNC_CONNECTOR_SQLITE_FOLDER"
                )
            }
            string["Database"] = "\(folder)/\(path)"
            // Milliseconds to wait for another's lock; foreign keys are kept; whole numbers come as such.
            string["Timeout"] = "5000"
            string["FKSupport"] = "1"
            string["BigInt"] = "1"
            string["NoCreat"] = "1"
            string.hasDynamicTypes = true
        case .server(var server):
            // Drivers look a name up by themselves, when it may stand for another address already; but one that is to
            // prove its name must be called by it.
            if server.security.mode != .verify, let address = addresses.first { server.host = address }
            try describe(server, of: connector.engine, in: &string)
        }
        return string
    }

    private func describe(
        _ server: SQLServerPlace,
        of engine: SQLConnector.Engine,
        in string: inout ODBCConnectionString
    ) throws(ExchangeFailure) {
        let security = server.security
        var authority = PEMFiles.system
        if let text = security.certificateAuthority { authority = try files.path(of: text) }
        switch engine {
        case .mariadb, .mysql:
            string["SERVER"] = server.host
            string["PORT"] = String(server.port)
            string["DATABASE"] = server.database
            string["CHARSET"] = "utf8mb4"
            // Rows that a change finds count, whether or not it changes them: as everywhere else.
            string["OPTION"] = "2"
            try MariaDBOptions.shared.provide()
            string["USE_MYCNF"] = "1"
            string["SSLVERIFY"] = security.mode == .verify ? "1" : "0"
            string["FORCETLS"] = security.mode == .none ? "0" : "1"
            if security.mode == .verify { string["SSLCA"] = authority }
        case .sqlserver:
            string["SERVER"] = "tcp:\(server.host),\(server.port)"
            string["DATABASE"] = server.database
            string["Encrypt"] = security.mode == .none ? "no" : "yes"
            string["TrustServerCertificate"] = security.mode == .verify ? "no" : "yes"
        case .oracle:
            let scheme = security.mode == .none ? "tcp" : "tcps"
            string["DBQ"] = "\(scheme)://\(server.host):\(server.port)/\(server.database)"
        case .postgresql, .sqlite: preconditionFailure("\(engine.rawValue) has no server of ODBC")
        }
        string["UID"] = server.user
        string["PWD"] = server.password
    }
}

extension SQLConnector.Isolation {
    fileprivate var odbc: ODBCIsolation {
        switch self {
        case .readCommitted: .readCommitted
        case .repeatableRead: .repeatableRead
        case .serializable: .serializable
        }
    }
}

extension SQLResult {
    /// A result of ODBC.
    fileprivate init(_ result: ODBCResult) {
        columns = result.columns
        rows = result.rows.map { $0.map(Self.value) }
        count = result.columns.isEmpty ? result.affected : result.rows.count
    }

    private static func value(_ value: ODBCValue) -> JSONValue {
        switch value {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let text): SQLAnswer.number(text)
        case .double(let number): SQLAnswer.number(number)
        case .text(let text): .string(text)
        case .binary(let bytes): .string(SQLBytes.base64(bytes))
        }
    }
}

extension ExchangeFailure {
    /// What an error of ODBC means.
    fileprivate init(_ error: ODBCError, of call: SQLCaller.Call) {
        let connector = call.connector
        switch error {
        case .connectionFailed(let diagnostic) where diagnostic.sqlState.hasPrefix("28") || diagnostic.isAccessDenied:
            self = .refused(
                BackEndRefusal(
                    code: "sql_login_failed",
                    reason: "the database refuses the connection (SQLSTATE \(diagnostic.sqlState))",
                    details: ["sqlState": .string(diagnostic.sqlState)]
                )
            )
        case .connectionFailed(let diagnostic):
            let isDriver = ["IM002", "IM003", "01000"].contains(diagnostic.sqlState)
            self = .connectFailed(
                isDriver
                    ? "the ODBC driver of \(connector.engine.rawValue) is not installed"
                    : "no connection to the database (SQLSTATE \(diagnostic.sqlState))"
            )
        case .connectionLost: self = .connectionLost("while a statement ran")
        case .commitOutcomeUnknown: self = .connectionLost("during the commit")
        case .server(let diagnostic, let statement):
            let isUndone = call.transaction.isUndoneWhenRefused(by: connector.engine)
            self = .refused(.sql(diagnostic, statement: statement, effect: isUndone ? .none : .unknown))
        case .failedLater(let diagnostic, let statement):
            // The statement was run: only a transaction's end undoes it.
            let isUndone = call.transaction.isList && call.transaction.isUndoneWhenRefused(by: connector.engine)
            self = .refused(.sql(diagnostic, statement: statement, effect: isUndone ? .none : .unknown))
        case .connectTimedOut: self = .connectFailed("no connection in time")
        case .timedOut: self = .timeout
        case .limitExceeded(.bytes): self = .responseTooLarge(limit: connector.responseLimit)
        case .limitExceeded: self = .tooManyRows(limit: connector.rowLimit)
        case .cancelled, .closed: self = .cancelled
        }
    }
}

extension BackEndRefusal {
    /// A statement of a list that a database refused.
    fileprivate static func sql(
        _ diagnostic: ODBCDiagnostic,
        statement: Int,
        effect: Failure.Effect
    ) -> BackEndRefusal {
        .sql(
            state: diagnostic.sqlState,
            message: diagnostic.message,
            more: [
                "nativeCode": .number(JSONNumber(diagnostic.nativeCode)), "statement": .number(JSONNumber(statement)),
            ],
            effect: effect
        )
    }
}

extension ODBCDiagnostic {
    /// MySQL's "access denied" and "unknown database", which do not come in class 28.
    fileprivate var isAccessDenied: Bool { [1_044, 1_045, 1_049, 1_698].contains(nativeCode) }
}
