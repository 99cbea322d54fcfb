import Foundation
import JSON
import Logging
import Messaging
import Postgres
import ServiceLifecycle

/// Publishes what stands in the outbox, at once after a commit, and marks it when the broker has it.
///
/// Any number may run: rows that one of them holds are skipped by the others. A crash between the confirmation and the
/// mark publishes again; receivers know the message by its id.
struct OutboxPublisher: Service {
    /// The most rows of one transaction.
    private static let batchSize = 500
    /// How often the outbox is looked at when nobody says that there is something.
    private static let pollInterval: Duration = .seconds(2)

    private let database: PostgresClient
    private let broker: MessageBroker
    private let logger: Logger
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(database: PostgresClient, broker: MessageBroker, logger: Logger) {
        self.database = database
        self.broker = broker
        self.logger = logger
        // One signal is enough to make it look, however many changes there were.
        (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that something was committed to the outbox.
    @Sendable func wake() {
        signal.yield()
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        signal.yield()
                        try? await Task.sleep(for: Self.pollInterval)
                    }
                }
                var isFailing = false
                for await _ in signals { await drain(&isFailing) }
                group.cancelAll()
            }
        }
    }

    /// Publishes all that there is; tells of a failure when it begins, and when it is over.
    private func drain(_ isFailing: inout Bool) async {
        do {
            while try await publishBatch() == Self.batchSize {}
            if isFailing { logger.notice("Notifications are published again") }
            isFailing = false
        } catch is CancellationError {
            return
        } catch {
            // The rows stay; the next look tries again.
            if !isFailing { logger.warning("Notifications could not be published and wait", error: error) }
            isFailing = true
        }
    }

    /// Publishes the oldest rows and gives back how many they were.
    private func publishBatch() async throws -> Int {
        try await database.transaction { connection in
            let rows = try await connection.query(
                """
                SELECT position, id, routing_key, body FROM erp.outbox
                WHERE published_at IS NULL ORDER BY position LIMIT \(Self.batchSize) FOR UPDATE SKIP LOCKED
                """
            )
            guard !rows.isEmpty else { return 0 }
            let waiting = try rows.map(Self.decode)
            try await broker.publishAll(OutboxBatch.merge(waiting).map(\.message))
            try await connection.execute(
                "UPDATE erp.outbox SET published_at = now() WHERE position = ANY(\(waiting.map(\.position)))"
            )
            return rows.count
        }
    }

    private static func decode(_ row: PostgresRow) throws -> OutboxRow {
        let (position, id, routingKey, body) = try row.decode(Int.self, UUID.self, String.self, PostgresJSON.self)
        let ids = try JSONValue(parsing: body.bytes)["ids"]?.arrayValue ?? []
        return OutboxRow(position: position, id: id, routingKey: routingKey, ids: ids.compactMap(\.stringValue))
    }
}
