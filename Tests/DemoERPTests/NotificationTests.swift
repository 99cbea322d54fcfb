import Contracts
import JSON
import Logging
import Messaging
import PrivateServers
import TestSupport
import Testing

@Suite(.database, .virtualHost, .timeLimit(.minutes(30))) struct NotificationTests {
    private static let queue = "tests.notifications"
    private static let topology = Topology(
        exchanges: [Exchange(ExchangeName.notifications, .topic)],
        queues: [Queue(queue, .work(deliveryLimit: 20, deadLetterQueue: nil))],
        bindings: [Binding(exchange: ExchangeName.notifications, queue: queue, routingKey: "#")]
    )

    @Test func `every change is told of, also one that was committed just before a kill`() async throws {
        var erp = try await RunningERP.start()
        // Nobody listens yet, so what is published reaches no queue and has to wait in the outbox.
        for number in 1...5 {
            #expect(try await erp.send("PATCH", "/work-orders/WO-0000\(number)", ["notes": "1"]).status == 200)
        }
        erp.service.process.send(.kill)
        await erp.service.process.waitForExit()

        let heard = try await Listener.start(Self.topology, Self.queue)
        erp = try await RunningERP.start()
        for number in 6...9 {
            #expect(try await erp.send("PATCH", "/work-orders/WO-0000\(number)", ["notes": "1"]).status == 200)
        }
        let expected = Set((1...9).map { "WO-0000\($0)" })
        var found: Set<String> = []
        while !expected.isSubset(of: found), let message = await heard.next() {
            #expect(message.routingKey == "field-service.work-orders-changed")
            #expect(message.contentType == "application/json")
            #expect(message.messageID?.isEmpty == false)
            found.formUnion(try JSONValue(parsing: message.body)["ids"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        }
        #expect(found == expected)
        #expect(await erp.service.stop() == .code(0))
        heard.stop()
    }

    @Test func `a request that changes nothing tells nobody`() async throws {
        let heard = try await Listener.start(Self.topology, Self.queue)
        let erp = try await RunningERP.start()
        for notes in ["a", "a", "b"] {
            #expect(try await erp.send("PATCH", "/work-orders/WO-00001", ["notes": .string(notes)]).status == 200)
        }
        #expect(try await erp.get("/work-orders/WO-00001").body["version"] == 2_002)
        _ = try await erp.send("PATCH", "/work-orders/WO-00002", ["notes": "last"])
        var told: Set<String> = []
        var ids: [String] = []
        while ids.last != "WO-00002", let message = await heard.next() {
            // What is told of may be told again, under the same id.
            let id = try #require(message.messageID)
            guard told.insert(id).inserted else { continue }
            ids += try JSONValue(parsing: message.body)["ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
        }
        // Two changes of the first order, told of in one message or in two.
        #expect([["WO-00001", "WO-00002"], ["WO-00001", "WO-00001", "WO-00002"]].contains(ids))
        heard.stop()
    }
}

/// Hears the messages of a queue.
private struct Listener {
    private let messages: AsyncStream<IncomingMessage>
    private let tasks: [Task<Void, any Error>]

    static func start(_ topology: Topology, _ queue: String) async throws -> Listener {
        let broker = MessageBroker(
            try MessagingConfiguration(url: TestVirtualHost.address),
            topology: topology,
            logger: Logger(label: "tests")
        )
        let (messages, continuation) = AsyncStream.makeStream(of: IncomingMessage.self)
        let run = Task { try await broker.run() }
        try await broker.waitUntilConnected(within: .seconds(120))
        let consume = Task {
            try await broker.consume(queue, concurrency: 1) { delivery in
                let message = delivery.message
                delivery.acknowledge()
                continuation.yield(message)
            }
        }
        return Listener(messages: messages, tasks: [consume, run])
    }

    func next() async -> IncomingMessage? {
        for await message in messages { return message }
        return nil
    }

    func stop() {
        for task in tasks { task.cancel() }
    }
}
