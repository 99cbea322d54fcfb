import Contracts
import Messaging
import TestSupport
import Testing

/// One after the other: an alarm is felt by all connections, and these tests have short deadlines.
@Suite(.virtualHost, .serialized, .timeLimit(.minutes(10))) struct RefusalTests {
    let names = Names()

    @Test(.needsPrivateBroker) func `a memory alarm blocks publishing, not consuming, and loses nothing`() async throws
    {
        let (received, alarm, cleared) = (Collector<String>(), Gate(), Gate())
        try await withBroker(names.work()) { broker in
            let client = RequestClient(broker)
            let replies = Task { try await client.run() }
            try await broker.publishAll((0..<20).map(names.message))
            // The alarm reaches the connections some time after it was set: publishing goes on until one is held up.
            let publisher = Task {
                await alarm.wait()
                var count = 20
                while !cleared.isOpen {
                    try await broker.publish(names.message(count))
                    count += 1
                }
                return count
            }
            try await TestServer.withMemoryAlarm {
                alarm.open()
                for await state in broker.states {
                    guard case .blocked(let reason) = state else { continue }
                    #expect(reason.contains("memory"))
                    await #expect(throws: MessagingError.blocked(reason)) { try await broker.ping() }
                    // Whoever asks knows that nobody has been asked.
                    let error = await #expect(throws: MessagingError.self) {
                        try await client.request(names.message(-1), timeout: .milliseconds(300))
                    }
                    #expect(error?.code == "not_sent")
                    break
                }
                // Settled while blocked: a new consumer does not get them again.
                try await consume(broker, received) { $0.count >= 20 }
                cleared.open()
            }
            let count = try await publisher.value
            try await eventually("it is open again") { broker.state == .connected }
            try await consume(broker, received) { Set($0).count >= count }
            #expect(Set(received.elements) == Set((0..<count).map(String.init)))
            replies.cancel()
            _ = await replies.result
        }
    }

    private func consume(
        _ broker: MessageBroker,
        _ received: Collector<String>,
        until condition: @escaping @Sendable ([String]) -> Bool
    ) async throws {
        try await whileRunning { [names] in
            try await broker.consume(names.queue, prefetch: 10) { delivery in
                received.append(delivery.message.text)
                delivery.acknowledge()
            }
        } _: {
            await received.wait(until: condition)
        }
    }

    @Test(.needsPrivateBroker) func `what a full queue refuses is tried again until the deadline`() async throws {
        try await TestServer.limit(names.queue, toMessages: 2)
        let received = Collector<String>()
        let hasty = try configuration { $0.confirmTimeout = .seconds(4) }
        try await withBroker(names.work(), hasty) { broker in
            let error = await #expect(throws: MessagingError.self) {
                for number in 0..<20 { try await broker.publish(names.message(number)) }
            }
            switch error {
            case .notAccepted: break
            // What was sent last was neither accepted nor refused when the time was over, or not sent at all.
            case .timedOut, .notSent: break
            default: Issue.record("\(String(describing: error))")
            }
        }
        try await withBroker(names.work()) { broker in
            let waiting = Task { try await broker.publish(names.message(100)) }
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 1) { delivery in
                    received.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                await received.wait { $0.contains("100") }
                try await waiting.value
            }
        }
        #expect(received.elements.last == "100")
    }

    @Test func `messages wait for a connection no longer than their deadline`() async throws {
        try await withProxy { proxy, url in
            let hasty = try configuration(url) { $0.confirmTimeout = .milliseconds(300) }
            try await withBroker(names.work(), hasty) { broker in
                proxy.refuse()
                var error: MessagingError?
                // Of what was written before the loss was noticed nobody knows.
                repeat {
                    error = await #expect(throws: MessagingError.self) { try await broker.publish(names.message(1)) }
                } while error?.code == MessagingError.timedOut("").code
                guard case .notSent = error else {
                    Issue.record("expected that nothing was sent, got \(String(describing: error))")
                    return
                }
                proxy.admit()
                try await broker.waitUntilConnected(within: .seconds(120))
                // Its time may be over again before the broker has written it.
                try await eventually("it is published") { (try? await broker.publish(names.message(2))) != nil }
            }
        }
    }
}
