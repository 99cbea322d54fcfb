import Metrics
import Synchronization

extension PostgresClient {
    /// How often connecting is tried when the server cannot be reached.
    enum Persistence {
        case once
        case untilTimeout
    }

    private enum Lent<Value> {
        case value(Value)
        /// The connection had died while it was unused; nothing was sent.
        case stale
    }

    /// Lends a connection that stands, as far as can be seen without asking the server, and runs `body` on its thread.
    func lend<Value: Sendable>(_ body: (PostgresConnection) async throws -> Value) async throws -> Value {
        while true {
            let connection = try await acquire(.untilTimeout)
            let lent: Lent<Value>
            do {
                lent = try await withTaskExecutorPreference(connection.executor) {
                    guard await connection.isAlive() else { return .stale }
                    return .value(try await body(connection))
                }
            } catch {
                await release(connection)
                throw error
            }
            await release(connection)
            if case .value(let value) = lent { return value }
        }
    }

    /// The connection that the task keeps, or one that is waited for or made within `acquireTimeout`.
    func acquire(_ connecting: Persistence) async throws(PostgresError) -> PostgresConnection {
        if let kept = KeptConnection.current?.take(for: self) { return kept }
        let start = ContinuousClock.now
        let deadline = start + configuration.acquireTimeout
        var backoff = Backoff(from: .milliseconds(50), to: .seconds(2))
        while true {
            if let connection = try await lease(until: deadline) {
                metrics.acquire.record(since: start)
                return connection
            }
            do throws(PostgresError) {
                let connection = try await connect()
                metrics.acquire.record(since: start)
                return connection
            } catch {
                handOver(state.withLock { $0.vacate() })
                let pause = backoff.pause()
                guard connecting == .untilTimeout, error.isUnavailable, ContinuousClock.now + pause < deadline else {
                    metrics.count(error)
                    throw error
                }
                do { try await Task.sleep(for: pause) } catch { throw .cancelled }
            }
        }
    }

    /// A connection from the pool; `nil` is a place for a new one.
    private func lease(until deadline: ContinuousClock.Instant) async throws(PostgresError) -> PostgresConnection? {
        let acquisition = state.withLock { $0.acquire() }
        report()
        switch acquisition {
        case .use(let connection): return connection
        case .connect: return nil
        case .closed: throw .closed
        case .refuse:
            throw .limitExceeded("more than \(configuration.maximumWaiters) tasks wait for a connection")
        case .wait(let id):
            switch await wait(id, until: deadline) {
            case .connection(let connection): return connection
            case .place: return nil
            case .timedOut: throw .timedOut(.acquire)
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            }
        }
    }

    /// Waits in the queue until something is given, the deadline passes, or the task is cancelled.
    private func wait(_ id: UInt64, until deadline: ContinuousClock.Instant) async -> Grant {
        let timeout = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            self.give(up: id, .timedOut)
        }
        defer { timeout.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let handover = state.withLock { $0.enqueue(continuation, id: id) }
                handOver(handover)
                // Closed or cancelled between the decision to wait and now: nobody else would end the wait.
                if state.withLock({ $0.isClosed }) { give(up: id, .closed) }
                if Task.isCancelled { give(up: id, .cancelled) }
            }
        } onCancel: {
            self.give(up: id, .cancelled)
        }
    }

    private func give(up id: UInt64, _ grant: Grant) {
        state.withLock { $0.remove(id) }?.resume(returning: grant)
    }

    private func connect() async throws(PostgresError) -> PostgresConnection {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration, logger: logger)
            metrics.connects.increment()
            return connection
        } catch {
            metrics.failedConnects.increment()
            throw error
        }
    }

    /// Gives a connection back: to the task that keeps it, to the next who waits, to the pool, or, when it is not fit
    /// for more, to nobody.
    func release(_ connection: PostgresConnection) async {
        if KeptConnection.current?.takeBack(connection) ?? false { return }
        var isUsable = connection.isClean.load(ordering: .acquiring)
        if !isUsable { isUsable = await connection.recover() }
        let now = ContinuousClock.now
        let (handover, expired) = state.withLock { state in
            let handover = isUsable ? state.release(connection, at: now) : state.vacate()
            return (handover, state.expire(before: now - configuration.idleTimeout))
        }
        handOver(handover)
        for connection in expired { await connection.close() }
        if case .discard(let connection) = handover { await connection.close() }
        report()
    }

    private func handOver(_ handover: PoolState<PostgresConnection, CheckedContinuation<Grant, Never>>.Handover) {
        guard case .give(let waiter, let connection) = handover else { return }
        waiter.resume(returning: connection.map { .connection($0) } ?? .place)
    }

    func report() {
        let (idle, busy, waiting) = state.withLock { ($0.idle.count, $0.busy, $0.waiting) }
        metrics.idle.record(idle)
        metrics.busy.record(busy)
        metrics.waiting.record(waiting)
    }
}
