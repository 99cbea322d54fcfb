import Contracts
import Messaging
import TestMessaging
import TestSupport
import Testing

@Suite(.virtualHost, .timeLimit(.minutes(10))) struct ConsumingTests {
    let names = Names()

    @Test func `an acknowledged message does not come again`() async throws {
        let first = try await withBroker(names.work()) { broker in
            try await broker.warmUp(names)
            try await broker.publishAll((0..<100).map(names.message))
            return try await broker.take(100, from: names.queue, prefetch: 10)
        }
        #expect(Set(first.map(\.text)) == Set((0..<100).map(String.init)))
        let second = try await withBroker(names.work()) { broker in
            try await broker.publish(names.message(1_000))
            return try await broker.take(1, from: names.queue)
        }
        #expect(second.map(\.text) == ["1000"])
    }

    @Test func `a message that is given back or dropped comes again with a count`() async throws {
        let counts = Collector<[Int]>()
        try await withBroker(names.work()) { broker in
            try await broker.publish(names.message(1))
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 1) { delivery in
                    let count = delivery.message.deliveryCount
                    #expect(delivery.message.isRedelivered == (count > 0))
                    counts.append([count])
                    switch count {
                    case 0: delivery.giveBack()
                    case 1: _ = consume delivery
                    default: delivery.acknowledge()
                    }
                }
            } _: {
                await counts.wait(for: 3)
            }
        }
        #expect(counts.elements == [[0], [1], [2]])
    }

    @Test func `rejected messages and those over the limit go to the dead-letter queue`() async throws {
        let dead = Collector<IncomingMessage>()
        let tries = Collector<String>()
        try await withBroker(names.work(deliveryLimit: 2)) { broker in
            try await broker.warmUp(names)
            try await broker.publishAll([names.message(1), names.message(2)])
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 1) { delivery in
                    let text = delivery.message.text
                    tries.append(text)
                    if text == "1" { delivery.reject() } else { delivery.giveBack() }
                }
            } _: {
                try await whileRunning {
                    try await broker.consume(names.deadLetters) { delivery in
                        dead.append(delivery.message)
                        delivery.acknowledge()
                    }
                } _: {
                    await dead.wait(for: 2)
                }
            }
        }
        #expect(Set(dead.elements.map(\.text)) == ["1", "2"])
        #expect(tries.elements.filter { $0 == "1" }.count == 1)
        #expect(tries.elements.filter { $0 == "2" }.count == 3)
        #expect(dead.elements.allSatisfy { $0.headers["x-death"] != nil })
    }

    @Test func `what is rejected without a dead-letter queue is not lost`() async throws {
        let counts = Collector<Int>()
        try await withBroker(names.work()) { broker in
            try await broker.publish(
                OutgoingMessage(exchange: "", routingKey: names.deadLetters, body: [1], isMandatory: true)
            )
            try await whileRunning {
                try await broker.consume(names.deadLetters, prefetch: 1) { delivery in
                    let count = delivery.message.deliveryCount
                    counts.append(count)
                    if count < 30 { delivery.reject() } else { delivery.acknowledge() }
                }
            } _: {
                await counts.wait(for: 31)
            }
        }
        #expect(counts.elements == Array(0...30))
    }

    @Test func `no more handlers run at once than asked for`() async throws {
        let (running, finished, gate) = (Collector<Int>(), Collector<Int>(), Gate())
        try await withBroker(names.work()) { broker in
            try await broker.publishAll((0..<20).map(names.message))
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 10, concurrency: 4) { delivery in
                    running.append(1)
                    #expect(running.elements.count - finished.elements.count <= 4)
                    await gate.wait()
                    finished.append(1)
                    delivery.acknowledge()
                }
            } _: {
                await running.wait(for: 4)
                gate.open()
                await finished.wait(for: 20)
            }
        }
    }

    @Test func `a cancelled consumer lets its handlers finish and gives back the rest`() async throws {
        let (begun, finished, gate) = (Collector<String>(), Collector<String>(), Gate())
        let others = Collector<String>()
        let patient = try configuration { $0.handlerGracePeriod = .seconds(100) }
        try await withBroker(names.work(), patient) { broker in
            try await broker.warmUp(names)
            try await broker.publishAll((0..<10).map(names.message))
            let consumer = Task {
                try await broker.consume(names.queue, prefetch: 10, concurrency: 1) { delivery in
                    begun.append(delivery.message.text)
                    await gate.wait()
                    #expect(!Task.isCancelled)
                    finished.append(delivery.message.text)
                    delivery.acknowledge()
                }
            }
            await begun.wait(for: 1)
            consumer.cancel()
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 10) { delivery in
                    others.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                await others.wait(for: 9)
                gate.open()
                try await consumer.value
            }
        }
        #expect(finished.elements == ["0"])
        #expect(Set(others.elements) == Set((1..<10).map(String.init)))
    }

    @Test func `a handler that does not finish in its grace time is cancelled`() async throws {
        let begun = Collector<String>()
        let impatient = try configuration { $0.handlerGracePeriod = .milliseconds(50) }
        try await withBroker(names.work(), impatient) { broker in
            try await broker.publish(names.message(1))
            try await whileRunning {
                try await broker.consume(names.queue) { delivery in
                    begun.append(delivery.message.text)
                    try? await Task.sleep(for: .seconds(3_600))
                    delivery.giveBack()
                }
            } _: {
                await begun.wait(for: 1)
            }
        }
        #expect(begun.elements == ["1"])
    }

    @Test func `closing the broker ends its consumers`() async throws {
        let received = Collector<String>()
        let broker = MessageBroker(try configuration(), topology: names.work(), logger: quietLogger)
        let run = Task { try await broker.run() }
        try await broker.publish(names.message(1))
        let consumer = Task {
            try await broker.consume(names.queue) { delivery in
                received.append(delivery.message.text)
                delivery.acknowledge()
            }
        }
        await received.wait(for: 1)
        run.cancel()
        try await run.value
        try await consumer.value
        #expect(broker.state == .closed)
        await #expect(throws: MessagingError.closed) { try await broker.publish(names.message(2)) }
        await #expect(throws: MessagingError.closed) { try await broker.consume(names.queue) { _ in } }
    }

    @Test func `consuming a queue that nobody declared fails with the broker's words`() async throws {
        try await withBroker { broker in
            let error = await #expect(throws: MessagingError.self) {
                try await broker.consume("\(names.prefix).missing") { _ in }
            }
            guard case .channelClosed(404, let text) = error else {
                Issue.record("expected the broker's 404, got \(String(describing: error))")
                return
            }
            #expect(text.contains("\(names.prefix).missing"))
            #expect(broker.state == .connected)
        }
    }

    @Test func `a message larger than allowed is rejected unread`() async throws {
        let small = try configuration { $0.maximumMessageSize = 100_000 }
        try await withBroker(names.work()) { publisher in
            for size in [10, 100_001, 400_000, 20] {
                try await publisher.publish(
                    OutgoingMessage(exchange: "", routingKey: names.queue, body: Array(repeating: 7, count: size))
                )
            }
            let received = try await withBroker(names.work(), small) { try await $0.take(2, from: names.queue) }
            #expect(Set(received.map(\.body.count)) == [10, 20])
            let dead = try await publisher.take(2, from: names.deadLetters)
            #expect(Set(dead.map(\.body.count)) == [100_001, 400_000])
        }
    }

    @Test func `of messages that are larger than others one at a time is handed over`() async throws {
        let (received, dead, gate) = (Collector<Int>(), Collector<Int>(), Gate())
        let small = try configuration { $0.maximumMessageSize = 100_000 }
        let sizes = [150_000, 300_000, 200_000, 400_001, 10, 20, 30]
        try await withBroker(names.work()) { publisher in
            for size in sizes {
                try await publisher.publish(
                    OutgoingMessage(exchange: "", routingKey: names.queue, body: Array(repeating: 7, count: size))
                )
            }
            try await withBroker(names.work(), small) { broker in
                try await whileRunning {
                    try await broker.consume(names.queue, maximumOversize: 400_000) { delivery in
                        received.append(delivery.message.body.count)
                        if delivery.message.body.count > 100_000 { await gate.wait() }
                        delivery.acknowledge()
                    }
                } _: {
                    let before = await received.wait { $0.contains(30) && $0.contains { $0 > 100_000 } }
                    #expect(before.filter { $0 > 100_000 }.count == 1)
                    gate.open()
                    await received.wait { $0.filter { $0 > 100_000 }.count == 3 }
                }
            }
            try await whileRunning {
                try await publisher.consume(names.deadLetters) { delivery in
                    dead.append(delivery.message.body.count)
                    delivery.acknowledge()
                }
            } _: {
                await dead.wait(for: 1)
            }
        }
        #expect(received.elements.sorted() == sizes.filter { $0 != 400_001 }.sorted())
        #expect(dead.elements == [400_001])
    }

    /// Each is settled while the next ones are on their way.
    @Test func `messages that are larger than others are all handed over, however fast the handler is`() async throws {
        let small = try configuration { $0.maximumMessageSize = 100_000 }
        let sizes = (0..<40).map { 1_000_000 + $0 }
        try await withBroker(names.work()) { publisher in
            for size in sizes {
                try await publisher.publish(
                    OutgoingMessage(exchange: "", routingKey: names.queue, body: Array(repeating: 7, count: size))
                )
            }
            let received = try await withBroker(names.work(), small) { broker in
                try await broker.take(sizes.count, from: names.queue, maximumOversize: 2_000_000)
            }
            #expect(received.map(\.body.count).sorted() == sizes)
        }
    }
}
