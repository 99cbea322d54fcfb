package import Logging
import Metrics
import Synchronization

/// PostgreSQL through libpq: a pool of connections.
///
/// ``query(_:)`` and ``execute(_:)`` run one statement on any connection, ``withConnection(_:)`` lends one for several,
/// ``transaction(_:attempts:_:)`` lends one in a transaction and runs it again when it lost against another.
/// ``listen(_:)`` and ``migrate(_:component:)`` are what a service needs besides.
///
/// - **Threads.** libpq waits on the connection's own thread (see ``PostgresConnection``). Within `withConnection` and
///   `transaction` the closure's nonisolated code runs on that thread too, so that a transaction of many statements
///   costs two thread switches and not two for each.
/// - **Failures.** A connection that is found dead before anything was sent is replaced in silence. One that breaks
///   later is thrown away and the error is the caller's, except in `transaction`, which runs again unless its COMMIT
///   was under way. While the server cannot be reached, attempts go on with growing pauses up to `acquireTimeout`.
/// - **State.** What a closure changes in the session (`SET`, `LISTEN`, advisory locks) outlives it; use
///   `SET LOCAL` and the transaction-level locks.
package final class PostgresClient: Sendable {
    package let configuration: PostgresConfiguration
    let logger: Logger
    let metrics: PoolMetrics
    let state: Mutex<PoolState<PostgresConnection, CheckedContinuation<Grant, Never>>>
    let listeners = Mutex<[ObjectIdentifier: PostgresConnection]>([:])

    /// What a waiting task is woken with.
    enum Grant {
        case connection(PostgresConnection)
        /// A place in the pool; the task makes the connection.
        case place
        case timedOut
        case cancelled
        case closed
    }

    /// A pool that connects when it is first used.
    package init(_ configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        metrics = PoolMetrics(pool: configuration.applicationName)
        state = Mutex(
            PoolState(capacity: configuration.maximumConnections, maximumWaiters: configuration.maximumWaiters)
        )
    }

    /// Runs a statement on any connection.
    package func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await self.query(query, connecting: .untilTimeout)
    }

    private func query(
        _ query: PostgresQuery,
        connecting: Persistence
    ) async throws(PostgresError) -> PostgresRows {
        while true {
            let connection = try await acquire(connecting)
            let start = ContinuousClock.now
            do throws(PostgresError) {
                let outcome = try await connection.leasedQuery(query)
                await release(connection)
                guard case .rows(let rows) = outcome else { continue }
                metrics.query.record(since: start)
                return rows
            } catch {
                await release(connection)
                metrics.count(error)
                throw error
            }
        }
    }

    /// Runs a statement on any connection and gives back how many rows it affected.
    @discardableResult
    package func execute(_ query: PostgresQuery) async throws(PostgresError) -> Int {
        try await self.query(query).affected
    }

    /// Lends a connection; a transaction that `body` leaves open is rolled back.
    @discardableResult
    package func withConnection<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        do {
            return try await lend(body)
        } catch {
            if let error = error as? PostgresError { metrics.count(error) }
            throw error
        }
    }

    /// Whether the database answers, for readiness; a server that cannot be reached is an error at once.
    package func ping() async throws(PostgresError) {
        _ = try await query("SELECT 1", connecting: .once)
    }

    /// Ends unused connections at once and the others when they come back; who waits is told ``PostgresError/closed``.
    package func close() async {
        let (connections, waiters) = state.withLock { $0.close() }
        for waiter in waiters { waiter.resume(returning: .closed) }
        for connection in connections { await connection.close() }
        let listening = listeners.withLock { listeners in
            defer { listeners.removeAll() }
            return Array(listeners.values)
        }
        for connection in listening { connection.wakeUp.shutDown() }
        report()
    }
}
