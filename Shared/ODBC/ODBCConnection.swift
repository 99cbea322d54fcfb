import CODBC
import Executors

/// One connection through a driver, on a thread of its own: the actor is the thread, and the driver blocks it.
///
/// It has an environment of its own, because the driver manager lets some drivers do one thing at a time in each.
actor ODBCConnection {
    nonisolated let executor: ThreadExecutor
    nonisolated let canceller = ODBCCanceller()
    private let configuration: ODBCConnectionString
    private var handle: ODBCHandle?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ configuration: ODBCConnectionString) {
        self.configuration = configuration
        executor = ThreadExecutor(name: "odbc")
    }

    deinit {
        executor.shutdown()
    }

    /// `SQLDriverConnect`.
    func open(timeout: Duration) throws(ODBCError) {
        do throws(ODBCDiagnostic) {
            let environment = try ODBCHandle.environment()
            let handle = try ODBCHandle.allocate(.connection, in: environment)
            let seconds = SQLULEN(max(1, timeout.components.seconds))
            // A driver that has no such limit says so, and the caller's own is there.
            _ = codbc_set_connection_attribute(handle.pointer, SQL_ATTR_LOGIN_TIMEOUT, seconds)
            var text = Array(configuration.text.utf16) + [0]
            try handle.check(
                SQLDriverConnectW(
                    handle.pointer,
                    nil,
                    &text,
                    CODBC_NTS,
                    nil,
                    0,
                    nil,
                    SQLUSMALLINT(SQL_DRIVER_NOPROMPT)
                )
            )
            self.handle = handle
        } catch {
            throw .connectionFailed(error)
        }
    }

    /// Disconnects.
    func close() { handle = nil }

    /// Whether the connection still stands, which most drivers ask the server.
    func isAlive() -> Bool {
        guard let handle else { return false }
        var isDead: SQLUINTEGER = 0
        let code = SQLGetConnectAttr(handle.pointer, SQL_ATTR_CONNECTION_DEAD, &isDead, SQL_IS_UINTEGER, nil)
        // A driver that cannot tell is believed.
        return !ODBCHandle.isSuccess(code) || isDead == SQLUINTEGER(SQL_CD_FALSE)
    }

    /// Runs the statements, as one transaction when they are one; the results of each.
    func run(_ batch: ODBCBatch) throws(ODBCError) -> [[ODBCResult]] {
        guard let handle else { throw .closed }
        guard let isolation = batch.transaction else { return try runAll(batch, on: handle) }
        // The next transaction on this connection may be another one's.
        let standard = isolation.level.map { _ in isolationLevel(of: handle) }
        defer { if let standard { restoreIsolation(standard) } }
        do throws(ODBCDiagnostic) {
            if let level = isolation.level { try setIsolation(level, on: handle) }
            try setAutocommit(false, on: handle)
        } catch {
            throw error.isConnectionLost ? .connectionLost(error) : .server(error, statement: 0)
        }
        let results: [[ODBCResult]]
        do throws(ODBCError) {
            results = try runAll(batch, on: handle)
        } catch {
            end(SQL_ROLLBACK, on: handle)
            throw error
        }
        guard !canceller.isCancelled else {
            end(SQL_ROLLBACK, on: handle)
            throw .timedOut
        }
        try commit(on: handle, statements: batch.statements.count)
        return results
    }

    private func commit(on handle: ODBCHandle, statements: Int) throws(ODBCError) {
        let code = SQLEndTran(SQLSMALLINT(SQL_HANDLE_DBC), handle.pointer, SQLSMALLINT(SQL_COMMIT))
        guard ODBCHandle.isSuccess(code) else {
            let diagnostic = handle.diagnostic
            guard !diagnostic.isConnectionLost else { throw .commitOutcomeUnknown(diagnostic) }
            end(SQL_ROLLBACK, on: handle)
            throw .server(diagnostic, statement: statements - 1)
        }
        do throws(ODBCDiagnostic) {
            try setAutocommit(true, on: handle)
        } catch {
            close()
        }
    }

    /// Ends the transaction without effect; a connection on which that fails is thrown away, which ends it too.
    private func end(_ how: Int32, on handle: ODBCHandle) {
        let code = SQLEndTran(SQLSMALLINT(SQL_HANDLE_DBC), handle.pointer, SQLSMALLINT(how))
        guard ODBCHandle.isSuccess(code), (try? setAutocommit(true, on: handle)) != nil else { return close() }
    }

    /// The connection's isolation level; nil when the driver does not tell.
    private func isolationLevel(of handle: ODBCHandle) -> SQLULEN? {
        // Drivers write 32 bits or 64.
        var level: SQLULEN = 0
        let code = SQLGetConnectAttr(handle.pointer, SQL_ATTR_TXN_ISOLATION, &level, SQL_IS_UINTEGER, nil)
        return ODBCHandle.isSuccess(code) && level != 0 ? level : nil
    }

    private func setIsolation(_ level: SQLULEN, on handle: ODBCHandle) throws(ODBCDiagnostic) {
        try handle.check(codbc_set_connection_attribute(handle.pointer, SQL_ATTR_TXN_ISOLATION, level))
    }

    /// Sets the level that was there before; a connection on which that fails is thrown away.
    private func restoreIsolation(_ level: SQLULEN?) {
        guard let handle else { return }
        guard let level, (try? setIsolation(level, on: handle)) != nil else { return close() }
    }

    private func setAutocommit(_ isOn: Bool, on handle: ODBCHandle) throws(ODBCDiagnostic) {
        let value = SQLULEN(isOn ? SQL_AUTOCOMMIT_ON : SQL_AUTOCOMMIT_OFF)
        try handle.check(codbc_set_connection_attribute(handle.pointer, SQL_ATTR_AUTOCOMMIT, value))
    }

    private func runAll(_ batch: ODBCBatch, on handle: ODBCHandle) throws(ODBCError) -> [[ODBCResult]] {
        var limits = batch.limits
        var all: [[ODBCResult]] = []
        let preparation = batch.preparation.map { ODBCStatement($0) }
        for (index, statement) in (preparation + batch.statements).enumerated() {
            do throws(ODBCRowReader.Stop) {
                all.append(try run(statement, on: handle, limits: &limits))
            } catch {
                switch error {
                case .limit(let kind): throw .limitExceeded(kind)
                case .cancelled: throw .timedOut
                case .refused(let diagnostic), .failed(let diagnostic):
                    if canceller.isCancelled { throw .timedOut }
                    if diagnostic.isConnectionLost { throw .connectionLost(diagnostic) }
                    let number = max(0, index - preparation.count)
                    if case .refused = error { throw .server(diagnostic, statement: number) }
                    throw .failedLater(diagnostic, statement: number)
                }
            }
        }
        return Array(all.dropFirst(preparation.count))
    }

    private func run(
        _ statement: ODBCStatement,
        on connection: ODBCHandle,
        limits: inout ODBCLimits
    ) throws(ODBCRowReader.Stop) -> [ODBCResult] {
        let handle: ODBCHandle
        let parameters: ODBCParameters
        do throws(ODBCDiagnostic) {
            handle = try ODBCHandle.allocate(.statement, in: connection)
            parameters = try ODBCParameters.bind(statement.parameters, to: handle)
        } catch {
            throw .refused(error)
        }
        let reader = ODBCRowReader(handle, limits: limits, hasDynamicTypes: configuration.hasDynamicTypes)
        defer { limits = reader.limits }
        let result: Result<[ODBCResult], ODBCRowReader.Stop>
        do throws(ODBCDiagnostic) {
            result = try canceller.watch(handle) { () throws(ODBCDiagnostic) in
                guard !canceller.isCancelled else { return .failure(.cancelled) }
                var sql = Array(statement.sql.utf16)
                let code = SQLExecDirectW(handle.pointer, &sql, SQLINTEGER(sql.count))
                // A change that hits no row is "no data" as well.
                if code != SQL_NO_DATA { try handle.check(code) }
                return Result { () throws(ODBCRowReader.Stop) in try self.results(of: handle, reader) }
            }
        } catch {
            throw .refused(error)
        }
        return try withExtendedLifetime(parameters) { () throws(ODBCRowReader.Stop) in try result.get() }
    }

    /// The present result and those that `SQLMoreResults` brings.
    private func results(of handle: ODBCHandle, _ reader: ODBCRowReader) throws(ODBCRowReader.Stop) -> [ODBCResult] {
        var results: [ODBCResult] = []
        while true {
            results.append(try reader.result { canceller.isCancelled })
            let code = SQLMoreResults(handle.pointer)
            guard code != SQL_NO_DATA else { return results }
            guard ODBCHandle.isSuccess(code) else { throw .failed(handle.diagnostic) }
            guard results.count < ODBCLimits.results else { throw .limit(.results) }
        }
    }
}

extension ODBCIsolation {
    /// The bit of `SQL_ATTR_TXN_ISOLATION`; nil leaves the database's own standard.
    fileprivate var level: SQLULEN? {
        switch self {
        case .standard: nil
        case .readCommitted: SQLULEN(SQL_TXN_READ_COMMITTED)
        case .repeatableRead: SQLULEN(SQL_TXN_REPEATABLE_READ)
        case .serializable: SQLULEN(SQL_TXN_SERIALIZABLE)
        }
    }
}
