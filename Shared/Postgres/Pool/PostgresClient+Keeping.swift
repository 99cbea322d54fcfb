import Synchronization

extension PostgresClient {
    /// Keeps one connection for the statements that `body` runs on this client one after the other.
    ///
    /// `body` runs on the connection's thread, as that of ``withConnection(_:)`` does, so that its statements cost two
    /// thread switches and not two each; but each is a transaction of its own, and functions that know of the client
    /// alone use the connection as well. What runs at the same time as another statement of `body` takes a connection
    /// from the pool as ever.
    ///
    /// Nobody else has the connection meanwhile: `body` must wait for nothing but its statements.
    package func keepingConnection<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        if KeptConnection.current?.belongs(to: self) ?? false { return try await body() }
        let connection = try await acquire(.untilTimeout)
        let kept = KeptConnection(connection, of: self)
        do {
            let value = try await withTaskExecutorPreference(connection.executor) {
                try await KeptConnection.$current.withValue(kept) { try await body() }
            }
            if kept.end() { await release(connection) }
            return value
        } catch {
            if kept.end() { await release(connection) }
            throw error
        }
    }
}

/// A connection that a task keeps between statements.
final class KeptConnection: Sendable {
    /// That of the present task, whose children know it too.
    @TaskLocal static var current: KeptConnection?

    private enum State {
        case free
        /// A statement or a transaction has it.
        case taken
        /// The pool has it, or whoever has it gives it to the pool.
        case gone
    }

    private let connection: PostgresConnection
    private let client: ObjectIdentifier
    private let state = Mutex(State.free)

    init(_ connection: PostgresConnection, of client: PostgresClient) {
        self.connection = connection
        self.client = ObjectIdentifier(client)
    }

    func belongs(to client: PostgresClient) -> Bool { self.client == ObjectIdentifier(client) }

    /// The connection for one use; nil when it is in use or not that client's.
    func take(for client: PostgresClient) -> PostgresConnection? {
        guard belongs(to: client) else { return nil }
        return state.withLock { state in
            guard case .free = state else { return nil }
            state = .taken
            return connection
        }
    }

    /// Whether the connection is this one and kept on; if not, it is the pool's.
    ///
    /// One that is not fit for the next statement is left to the pool, which sees to it.
    func takeBack(_ connection: PostgresConnection) -> Bool {
        guard connection === self.connection else { return false }
        let isClean = connection.isClean.load(ordering: .acquiring)
        return state.withLock { state in
            guard case .taken = state else { return false }
            state = isClean ? .free : .gone
            return isClean
        }
    }

    /// Ends the keeping; whether the connection is to be given to the pool by who kept it.
    func end() -> Bool {
        state.withLock { state in
            defer { state = .gone }
            if case .free = state { return true }
            return false
        }
    }
}
