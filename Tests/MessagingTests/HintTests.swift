import Contracts
import Messaging
import TestSupport
import Testing

/// What only says earlier what its readers find out by themselves.
@Suite(.virtualHost, .timeLimit(.minutes(10))) struct HintTests {
    let names = Names()

    @Test func `a hint waits for a moment only, and then is not sent at all`() async throws {
        let broker = MessageBroker(try configuration(), topology: names.work(), logger: quietLogger)
        // Nobody runs it: whatever waits for a connection, or for its own end, waits for ever.
        let error = await #expect(throws: MessagingError.self) {
            try await broker.hint([names.message(1)], within: .milliseconds(10))
        }
        #expect(error?.code == "not_sent")
        let run = Task { try await broker.run() }
        try await broker.publish(names.message(2))
        let received = Collector<String>()
        try await whileRunning {
            try await broker.consume(names.queue, concurrency: 1) { delivery in
                received.append(delivery.message.text)
                delivery.acknowledge()
            }
        } _: {
            await received.wait { $0.contains("2") }
        }
        #expect(Set(received.elements) == ["2"])
        run.cancel()
        try await run.value
    }

    @Test func `a hint reaches its queue`() async throws {
        let received = Collector<String>()
        try await withBroker(names.work()) { broker in
            try await broker.warmUp(names)
            try await whileRunning {
                try await broker.consume(names.queue) { delivery in
                    received.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                try await broker.hint([])
                try await broker.hint([names.message(1), names.message(2)], within: .seconds(100))
                await received.wait { Set($0) == ["1", "2"] }
            }
        }
    }
}
