import CPostgres
package import Executors
package import Logging
import Synchronization

/// One connection, on a thread of its own: the actor is the thread, and libpq waits on it with `poll`.
///
/// An operation sends, waits and reads without suspending in between, so operations of one connection never mix. A
/// cancelled task wakes the thread, which sends a cancel request to the server and waits for its answer.
///
/// A connection from the pool belongs to the closure that it was lent to and must not be kept beyond it.
package actor PostgresConnection {
    /// The thread, which code between two statements can prefer to save two thread switches for each.
    package nonisolated let executor: ThreadExecutor
    let configuration: PostgresConfiguration
    let logger: Logger
    nonisolated let wakeUp: WakeUp
    /// Whether the connection can be lent again as it is; read by the pool without a hop.
    nonisolated let isClean = Atomic(false)

    var state = State.unconnected
    var statements: StatementCache
    /// Names of prepared statements to be dropped with the next pipeline.
    var obsolete: [String] = []
    /// A `BEGIN …` that goes out with the transaction's first statement.
    var deferredBegin: String?
    /// The longest time without progress that this side waits; longer than the server's own limit.
    var limit: Duration?
    /// What the first failure in the present transaction was, whatever error its body makes of it.
    var transactionFailure: TransactionFailure?
    /// Told apart from those before it, so that a stream that was abandoned cannot read another's rows.
    var exchange: UInt64 = 0
    var isExchanging = false
    var exchangeKind = ExchangeKind.simple

    struct TransactionFailure {
        let sqlState: SQLState
        /// Whether the transaction may be run again.
        var isRetryable: Bool
    }

    enum State {
        case unconnected
        case connected(ConnectionHandle)
        case closed
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.configuration = configuration
        self.logger = logger
        executor = ThreadExecutor(name: "postgres")
        wakeUp = try WakeUp()
        statements = StatementCache(capacity: configuration.maximumPreparedStatements)
        limit = Self.defaultLimit(configuration)
    }

    deinit {
        executor.shutdown()
    }

    /// Makes a connection outside any pool.
    package static func connect(
        _ configuration: PostgresConfiguration,
        logger: Logger
    ) async throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(configuration, logger: logger)
        try await connection.open()
        return connection
    }

    private func open() async throws(PostgresError) {
        let handle = try await interruptible { () throws(PostgresError) -> ConnectionHandle in
            try ConnectionHandle.open(
                configuration.connectionParameters,
                timeout: configuration.connectTimeout,
                wakeUp: wakeUp,
                logger: logger
            )
        }
        state = .connected(handle)
        updateCleanliness()
    }

    /// Ends the connection; what is called later throws ``PostgresError/closed``.
    package func close() {
        state = .closed
        isClean.store(false, ordering: .releasing)
    }

    /// The server's process, as `pg_stat_activity` names it.
    package var backendProcessID: Int32 {
        get throws(PostgresError) { try handle().processID }
    }

    // MARK: For the extensions

    static func defaultLimit(_ configuration: PostgresConfiguration) -> Duration? {
        // The server's limit comes first; this one is for a server that hangs.
        configuration.statementTimeout > .zero ? configuration.statementTimeout + .seconds(5) : nil
    }

    func handle() throws(PostgresError) -> ConnectionHandle {
        switch state {
        case .connected(let handle): return handle
        case .unconnected, .closed: throw .closed
        }
    }

    /// Runs an operation that the task's cancellation ends, at the server too.
    func interruptible<Value>(_ body: () throws(PostgresError) -> Value) async throws(PostgresError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let token = wakeUp.arm()
        defer { wakeUp.disarm() }
        // A closure that does not name the actor would run, and wait, on the threads that all tasks share.
        let result = await withTaskCancellationHandler {
            self.result(of: body)
        } onCancel: { [wakeUp] in
            wakeUp.trip(token)
        }
        return try result.get()
    }

    private func result<Value>(of body: () throws(PostgresError) -> Value) -> Result<Value, PostgresError> {
        Result { () throws(PostgresError) -> Value in try body() }
    }

    /// Runs one whole operation on the handle, after ending a stream or a COPY that was abandoned.
    func perform<Value>(
        interruptible: Bool = true,
        _ body: (ConnectionHandle) throws(PostgresError) -> Value
    ) throws(PostgresError) -> Value {
        let handle = try handle()
        defer { updateCleanliness() }
        try endExchange(handle)
        handle.begin(limit: limit, interruptible: interruptible)
        do throws(PostgresError) {
            return try body(handle)
        } catch {
            note(error, handle)
            throw error
        }
    }

    /// Remembers what an error means for the connection's later use.
    func note(_ error: PostgresError, _ handle: ConnectionHandle) {
        if handle.isBroken { state = .closed }
        if let state = error.sqlState, transactionFailure == nil {
            transactionFailure = TransactionFailure(sqlState: state, isRetryable: state.isRetryable)
        }
    }

    func updateCleanliness() {
        let clean: Bool
        if case .connected(let handle) = state {
            clean = !isExchanging && deferredBegin == nil && handle.transactionStatus == PQTRANS_IDLE
        } else {
            clean = false
        }
        isClean.store(clean, ordering: .releasing)
    }
}
