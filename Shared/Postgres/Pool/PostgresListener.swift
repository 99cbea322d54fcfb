import CPostgres
import Logging
import Synchronization

extension PostgresClient {
    /// Listens to channels, on a connection of its own, for as long as it is iterated.
    ///
    /// The first event is `.listening`; after a lost connection comes `.reconnected`, because notifications may have
    /// been missed: on both, a consumer reads what it follows anew. While the server cannot be reached, attempts go on
    /// with growing pauses, without end. The sequence ends when the task is cancelled or the client closed; a server
    /// that refuses for good (a wrong password) is an error.
    package func listen(_ channels: [String]) -> PostgresListener {
        PostgresListener(client: self, channels: channels)
    }
}

/// What a listener hears.
package enum PostgresListenEvent: Sendable, Equatable {
    /// The channels are listened to from here on.
    case listening
    /// The channels are listened to again; what was said in between is lost.
    case reconnected
    case notification(PostgresNotification)
}

/// A `NOTIFY`.
package struct PostgresNotification: Sendable, Equatable {
    package let channel: String
    package let payload: String
    /// The server's process that sent it.
    package let processID: Int32
}

/// The events of ``PostgresClient/listen(_:)``.
package struct PostgresListener: AsyncSequence, Sendable {
    let client: PostgresClient
    let channels: [String]

    package func makeAsyncIterator() -> Iterator {
        Iterator(client: client, channels: channels)
    }

    package struct Iterator: AsyncIteratorProtocol {
        private let client: PostgresClient
        private let channels: [String]
        private var connection: PostgresConnection?
        private var hasListened = false
        private var pending: ArraySlice<PostgresNotification> = []
        private var backoff = Self.initialBackoff

        private static let initialBackoff = Backoff(from: .milliseconds(50), to: .seconds(5))

        init(client: PostgresClient, channels: [String]) {
            self.client = client
            self.channels = channels
        }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(PostgresError) -> PostgresListenEvent? {
            try await next()
        }

        /// The next event; `nil` when the task is cancelled or the client closed.
        package mutating func next() async throws(PostgresError) -> PostgresListenEvent? {
            while true {
                if let notification = pending.popFirst() { return .notification(notification) }
                do throws(PostgresError) {
                    guard let connection else { return try await start() }
                    pending = try await connection.notifications()[...]
                } catch {
                    await stop()
                    guard !Task.isCancelled, !client.isClosed else { return nil }
                    guard error.isUnavailable || error == .timedOut(.statement) else { throw error }
                    client.logger.warning("PostgreSQL listener lost its connection", metadata: ["error": "\(error)"])
                    do { try await Task.sleep(for: backoff.pause()) } catch { return nil }
                }
            }
        }

        private mutating func start() async throws(PostgresError) -> PostgresListenEvent {
            let new = try await PostgresConnection.connect(client.configuration, logger: client.logger)
            guard client.register(new) else { throw .closed }
            connection = new
            try await new.listen(channels)
            backoff = Self.initialBackoff
            defer { hasListened = true }
            return hasListened ? .reconnected : .listening
        }

        private mutating func stop() async {
            guard let old = connection else { return }
            connection = nil
            client.unregister(old)
            await old.close()
        }
    }
}

extension PostgresClient {
    fileprivate var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Has the listener's connection interrupted by ``close()``; `false` when that has been called already.
    fileprivate func register(_ connection: PostgresConnection) -> Bool {
        listeners.withLock { $0[ObjectIdentifier(connection)] = connection }
        return !isClosed
    }

    fileprivate func unregister(_ connection: PostgresConnection) {
        listeners.withLock { $0[ObjectIdentifier(connection)] = nil }
    }
}

extension PostgresConnection {
    /// How long a silent connection is trusted before the server is asked for a sign of life.
    private static let silence: Duration = .seconds(30)

    /// Listens to channels besides those that are listened to already.
    package func listen(_ channels: [String]) async throws(PostgresError) {
        for channel in channels { try await execute("LISTEN \(identifier: channel)") }
    }

    /// Waits for notifications; none is a sign of life of a connection that had nothing to say.
    func notifications() async throws(PostgresError) -> [PostgresNotification] {
        let heard = try await interruptible { () throws(PostgresError) -> [PostgresNotification] in
            let handle = try handle()
            var heard = handle.takeNotifications()
            if heard.isEmpty, try handle.waitForInput(Self.silence) { heard = handle.takeNotifications() }
            return heard
        }
        if heard.isEmpty { try await execute("SELECT 1") }
        return heard
    }
}

extension ConnectionHandle {
    /// The notifications that have been read.
    fileprivate func takeNotifications() -> [PostgresNotification] {
        var result: [PostgresNotification] = []
        while let notify = PQnotifies(connection) {
            defer { PQfreemem(notify) }
            result.append(
                PostgresNotification(
                    channel: String(cString: notify.pointee.relname),
                    payload: String(cString: notify.pointee.extra),
                    processID: notify.pointee.be_pid
                )
            )
        }
        return result
    }
}
