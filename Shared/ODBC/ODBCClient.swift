import Executors
import Synchronization

/// A database through ODBC: connections that are kept, and calls with a deadline.
///
/// How many calls there are at once is their makers' to limit; each has a connection, and a thread, of its own. When a
/// deadline passes, the statement is cancelled; a driver that does not hear of it within a few seconds is left behind
/// with its connection.
package final class ODBCClient: Sendable {
    /// How long an answer to a cancel request is waited for.
    private static let cancelPatience: Duration = .seconds(5)
    /// How long a connection that was kept may take to say that it still stands.
    private static let checkTime: Duration = .seconds(2)

    private struct Idle {
        let connection: ODBCConnection
        let since: ContinuousClock.Instant
    }

    private enum State {
        case open([Idle])
        case closed
    }

    private let configuration: ODBCConnectionString
    private let connectTimeout: Duration
    private let maximumIdle: Int
    /// How long a connection that nobody uses is kept.
    private let idleTime: Duration
    private let state = Mutex(State.open([]))

    /// Connects when it is first used.
    package init(
        _ configuration: ODBCConnectionString,
        maximumIdle: Int,
        idleTime: Duration = .seconds(60),
        connectTimeout: Duration = .seconds(5)
    ) {
        self.configuration = configuration
        self.maximumIdle = maximumIdle
        self.idleTime = idleTime
        self.connectTimeout = connectTimeout
    }

    /// Runs the statements on one connection; the results of each.
    package func run(
        _ batch: ODBCBatch,
        until deadline: ContinuousClock.Instant
    ) async throws(ODBCError) -> [[ODBCResult]] {
        let connection = try await connection(until: deadline)
        let result = await Self.wait(until: deadline, for: connection) { () async throws(ODBCError) in
            try await connection.run(batch)
        }
        guard let result else { throw .timedOut }
        switch result {
        case .success, .failure(.server), .failure(.failedLater), .failure(.limitExceeded): await keep(connection)
        case .failure: await connection.close()
        }
        guard case .failure(.timedOut) = result, Task.isCancelled else { return try result.get() }
        throw .cancelled
    }

    /// Ends the connections that nobody uses, and the others when they come back.
    package func close() async {
        let idle = state.withLock { state -> [Idle] in
            defer { state = .closed }
            guard case .open(let idle) = state else { return [] }
            return idle
        }
        for entry in idle { await entry.connection.close() }
    }

    /// How many connections are kept at the moment.
    package var idleCount: Int {
        state.withLock { state in
            guard case .open(let idle) = state else { return 0 }
            return idle.count
        }
    }

    /// One that is kept and still stands, or a new one.
    private func connection(until deadline: ContinuousClock.Instant) async throws(ODBCError) -> ODBCConnection {
        if let kept = try take() {
            let checkDeadline = min(deadline, .now + Self.checkTime)
            let isAlive = await Self.wait(until: checkDeadline, patience: .zero, for: kept) {
                () async throws(ODBCError) in
                await kept.isAlive()
            }
            if case .success(true)? = isAlive { return kept }
            // What ended this one may have ended the others, and to ask each would take this call's time.
            Self.discard([kept] + takeAll())
        }
        guard ContinuousClock.now < deadline else { throw .connectTimedOut }
        let connection = ODBCConnection(configuration)
        let connectDeadline = min(deadline, .now + connectTimeout)
        let timeout = connectTimeout
        let opened = await Self.wait(until: connectDeadline, patience: .zero, for: connection) {
            () async throws(ODBCError) in
            try await connection.open(timeout: timeout)
        }
        guard let opened else { throw .connectTimedOut }
        try opened.get()
        return connection
    }

    private func take() throws(ODBCError) -> ODBCConnection? {
        let oldest = ContinuousClock.now - idleTime
        let (connection, old) = try state.withLock { state throws(ODBCError) -> (ODBCConnection?, [Idle]) in
            guard case .open(var idle) = state else { throw .closed }
            let old = idle.filter { $0.since < oldest }
            idle.removeAll { $0.since < oldest }
            let last = idle.popLast()
            state = .open(idle)
            return (last?.connection, old)
        }
        Self.discard(old.map(\.connection))
        return connection
    }

    /// Those that nobody uses, which are kept no more.
    private func takeAll() -> [ODBCConnection] {
        state.withLock { state in
            guard case .open(let idle) = state else { return [] }
            state = .open([])
            return idle.map(\.connection)
        }
    }

    /// Closes each on its own thread: nobody waits for a server that does not take leave.
    private static func discard(_ connections: [ODBCConnection]) {
        for connection in connections { Task { await connection.close() } }
    }

    private func keep(_ connection: ODBCConnection) async {
        let isKept = state.withLock { state in
            guard case .open(var idle) = state, idle.count < maximumIdle else { return false }
            idle.append(Idle(connection: connection, since: .now))
            state = .open(idle)
            return true
        }
        if !isKept { await connection.close() }
    }

    /// Waits for work on a connection's thread; nil when the deadline and the patience after it have passed, and the
    /// connection is closed as soon as its driver lets go of it.
    private static func wait<Value: Sendable>(
        until deadline: ContinuousClock.Instant,
        patience: Duration = cancelPatience,
        for connection: ODBCConnection,
        _ work: @escaping @Sendable () async throws(ODBCError) -> Value
    ) async -> Result<Value, ODBCError>? {
        let number = connection.canceller.begin()
        let outcome = Settlement<Result<Value, ODBCError>?>()
        Task {
            do throws(ODBCError) {
                outcome.settle(.success(try await work()))
            } catch {
                outcome.settle(.failure(error))
            }
        }
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            connection.canceller.cancel(number)
            try await Task.sleep(for: patience)
            outcome.settle(nil)
        }
        defer { timer.cancel() }
        let result = await withTaskCancellationHandler {
            await outcome.value()
        } onCancel: {
            connection.canceller.cancel(number)
        }
        if result == nil { Task { await connection.close() } }
        return result
    }
}
