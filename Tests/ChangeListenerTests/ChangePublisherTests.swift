import Contracts
import ControlStore
import DocumentStore
import JSON
import Logging
import Messaging
import TestMessaging
import TestSupport
import Testing

@testable import ChangeListener

/// Change events and those who do not take them.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct ChangePublisherTests {
    private static let (full, other) = ("observer.full", "observer.other")

    @Test(.enabled(if: TestServers.hasPrivateRabbitMQ, "FULLSYNC_TEST_AMQP_URL names another broker"))
    func `a full queue that refuses events is left behind after a while, and keeps none from the others`() async throws
    {
        let listening = try await TestListening.make()
        let topology = Topology(
            queues: [Self.full, Self.other].map {
                Queue($0, .work(deliveryLimit: 20, deadLetterQueue: "observer.dead"))
            },
            bindings: [Self.full, Self.other].map {
                Binding(exchange: ExchangeName.changes, queue: $0, routingKey: "d")
            }
        )
        try await limitFullQueue(to: 1)
        let broker = MessageBroker(
            try MessagingConfiguration(url: TestVirtualHost.address),
            topology: .shared + topology,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let running = Task { try await broker.run() }
        try await attempt {
            try await broker.waitUntilConnected(within: .seconds(120))
            var publisher = ChangePublisher(
                broker: broker,
                control: listening.control,
                refusals: RefusedEvents(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let names = ["a", "b", "c", "d", "e", "f"]
            // With patience until both queues take messages.
            try await listening.write(names[0])
            try await publish(by: publisher, of: listening)
            publisher.patience = .zero
            for name in names.dropFirst() { try await listening.write(name) }
            try await publish(by: publisher, of: listening)
            let heard = try await ids(through: "f", from: Self.other, broker)
            #expect(heard == names)
            // With room again, and patience until the queue knows that it has, it hears what comes then.
            try await limitFullQueue(to: 1_000)
            publisher.patience = .seconds(600)
            try await listening.write("g")
            try await publish(by: publisher, of: listening)
            let late = try await ids(through: "g", from: Self.full, broker)
            #expect(late.first == "a" && late.count < names.count)
        } finally: {
            running.cancel()
            _ = await running.result
            await listening.close()
        }
    }

    /// Publishes each change that was not yet, one by one.
    private func publish(by publisher: ChangePublisher, of listening: TestListening) async throws {
        let (control, database) = (listening.control, listening.database)
        let lease = try #require(
            try await control.acquireLease(ChangePublisher.follower, holder: "test", for: .seconds(600))
        )
        let known = try await control.position(of: ChangePublisher.follower, in: "d")?.seq ?? 0
        for change in try await listening.store.committedChanges(in: database, since: known, limit: 500) {
            let position = Position(incarnation: database.originalIncarnation, seq: change.seq)
            try await publisher.handle([change], database, position, lease)
            #expect(try await control.position(of: ChangePublisher.follower, in: "d") == position)
        }
    }

    /// The documents of the events in the queue up to that one, each once: what was refused by one queue may have come
    /// several times to another.
    private func ids(through last: String, from queue: String, _ broker: MessageBroker) async throws -> [String] {
        var ids: [String] = []
        while ids.last != last {
            for message in try await broker.take(1, from: queue, prefetch: 1) {
                let id = try ChangeEvent(body: message.body).id
                if !ids.contains(id) { ids.append(id) }
            }
        }
        return ids
    }

    /// Has the queue refuse what comes when it has so many messages, or one more.
    private func limitFullQueue(to count: Int) async throws {
        let host = try #require(TestVirtualHost.address.split(separator: "/").last)
        try await TestServers.evaluateInRabbitMQ(
            """
            ok = rabbit_policy:set(<<"\(host)">>, <<"limit">>, <<"^\(Self.full)$">>,
                [{<<"max-length">>, \(count)}], 0, <<"queues">>, <<"test">>).
            """
        )
    }
}
