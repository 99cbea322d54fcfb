import DocumentStore
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Wakes the followers of a database when PostgreSQL says that something was committed to it, and once a second in any
/// case: notifications can be lost, so they make followers fast, and looking makes them right.
final class CommitSignals: Service {
    private let client: PostgresClient
    private let logger: Logger
    private let followers = Mutex<[String: [Int: AsyncStream<Void>.Continuation]]>([:])
    private let nextID = Mutex(0)

    init(_ client: PostgresClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.tick() }
                group.addTask { try await self.listen() }
                try await group.waitForAll()
            }
        }
    }

    private func tick() async throws {
        while true {
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                return
            }
            wakeAll()
        }
    }

    private func listen() async throws {
        for try await event in client.listen([DocumentStore.commitChannel]) {
            switch event {
            case .notification(let notification): wake(notification.payload)
            case .listening, .reconnected: wakeAll()
            }
        }
    }

    /// Signals that the database may have changes; several at once are one.
    func signals(of database: String) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id = nextID.withLock { next in
            next += 1
            return next
        }
        followers.withLock { $0[database, default: [:]][id] = continuation }
        continuation.onTermination = { [weak self] _ in
            self?.followers.withLock { _ = $0[database]?.removeValue(forKey: id) }
        }
        return stream
    }

    private func wake(_ database: String) {
        for follower in followers.withLock({ Array(($0[database] ?? [:]).values) }) { follower.yield() }
    }

    /// Signals that any database may have changes.
    func wakeAll() {
        for follower in followers.withLock({ $0.values.flatMap(\.values) }) { follower.yield() }
    }
}
