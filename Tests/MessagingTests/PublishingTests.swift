import Contracts
import Messaging
import TestMessaging
import TestSupport
import Testing

@Suite(.virtualHost, .timeLimit(.minutes(10))) struct PublishingTests {
    let names = Names()

    @Test func `a thousand messages in flight are all confirmed and keep their order`() async throws {
        let received = Collector<String>()
        try await withBroker(names.work()) { broker in
            try await broker.publishAll((0..<1_000).map(names.message))
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 100, concurrency: 1) { delivery in
                    received.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                await received.wait { $0.last == "999" && Set($0).count == 1_000 }
            }
        }
        expectOrder(received.elements.compactMap(Int.init))
    }

    /// Each follows its forerunner, but where something was not accepted and all was sent again from the start.
    private func expectOrder(_ numbers: [Int], _ location: SourceLocation = #_sourceLocation) {
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 || $1 == 0 }, sourceLocation: location)
    }

    @Test func `concurrent publishers each keep their order`() async throws {
        let received = Collector<String>()
        try await withBroker(names.work()) { broker in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for publisher in 0..<10 {
                    group.addTask {
                        for number in 0..<50 {
                            var message = names.message(number)
                            message.correlationID = "\(publisher)"
                            try await broker.publish(message)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 100, concurrency: 1) { delivery in
                    received.append("\(delivery.message.correlationID ?? "?")/\(delivery.message.text)")
                    delivery.acknowledge()
                }
            } _: {
                await received.wait { Set($0).count == 500 }
            }
        }
        for publisher in 0..<10 {
            let own = received.elements.filter { $0.hasPrefix("\(publisher)/") }.compactMap { Int($0.dropFirst(2)) }
            #expect(Set(own) == Set(0..<50) && own.last == 49)
            #expect(zip(own, own.dropFirst()).allSatisfy { $1 == $0 + 1 || $1 == $0 })
        }
    }

    @Test func `a mandatory message without a queue is returned and the others are confirmed`() async throws {
        try await withBroker(names.work()) { broker in
            var lost = names.message(1)
            lost.routingKey = "\(names.prefix).nowhere"
            await #expect(throws: MessagingError.unroutable(exchange: "", routingKey: lost.routingKey)) {
                try await broker.publish(lost)
            }
            await #expect(throws: MessagingError.unroutable(exchange: "", routingKey: lost.routingKey)) {
                try await broker.publishAll([names.message(1), lost, names.message(2)])
            }
            lost.isMandatory = false
            try await broker.publish(lost)
        }
    }

    @Test func `a message to an exchange that is not there fails alone`() async throws {
        try await withBroker(names.work()) { broker in
            var wrong = names.message(0)
            wrong.exchange = "\(names.prefix).missing"
            let outcomes = await withTaskGroup(of: (Int, MessagingError?).self) { group in
                for number in 0..<40 {
                    let message = number == 20 ? wrong : names.message(number)
                    group.addTask {
                        do throws(MessagingError) {
                            try await broker.publish(message)
                            return (number, nil)
                        } catch {
                            return (number, error)
                        }
                    }
                }
                return await group.reduce(into: [Int: MessagingError?]()) { $0[$1.0] = .some($1.1) }
            }
            for (number, error) in outcomes {
                guard number == 20 else {
                    #expect(error == nil)
                    continue
                }
                guard case .channelClosed(404, let text) = error else {
                    Issue.record("expected the broker's 404, got \(String(describing: error))")
                    continue
                }
                #expect(text.contains(wrong.exchange))
            }
            #expect(broker.state.isUp)
        }
    }

    @Test func `large messages pass whole, both ways`() async throws {
        let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let sizes = [0, 1, 32_768, 32_769, 131_072, body.count]
        let received = Collector<[UInt8]>()
        try await withBroker(names.work()) { broker in
            try await broker.publishAll(
                sizes.map { OutgoingMessage(exchange: "", routingKey: names.queue, body: Array(body[..<$0])) }
            )
            try await whileRunning {
                try await broker.consume(names.queue, prefetch: 1) { delivery in
                    received.append(delivery.message.body)
                    delivery.acknowledge()
                }
            } _: {
                // Whatever order they come in: one that the broker did not accept at first comes behind the others.
                await received.wait { Set($0.map(\.count)).count == sizes.count }
            }
        }
        #expect(received.elements.allSatisfy { $0.elementsEqual(body[..<$0.count]) })
    }

    @Test func `a message that is too large is refused before it is sent`() async throws {
        let small = try configuration { $0.maximumMessageSize = 1_000 }
        try await withBroker(names.work(), small) { broker in
            var message = names.message(0)
            message.body = Array(repeating: 0, count: 1_001)
            await #expect(throws: MessagingError.invalidMessage("its body has 1001 bytes, 1000 are allowed")) {
                try await broker.publish(message)
            }
        }
    }

    @Test func `properties and headers of every type come as they were sent`() async throws {
        let headers: [String: HeaderValue] = [
            "null": .null, "bool": true, "int": .int(.min), "double": .double(-1.5e300),
            "decimal": .decimal(scale: 2, value: 12_345), "string": "h\u{e9}", "bytes": .bytes([0, 255, 128]),
            "timestamp": .timestamp(1_700_000_000), "array": .array([1, "two", .array([.null])]),
            "table": .table(["inner": .table(["x": 1])]), "": "empty key",
        ]
        let message = OutgoingMessage(
            exchange: names.exchange,
            routingKey: "a.b",
            body: Array("{}".utf8),
            contentType: "application/json",
            messageID: "m1",
            correlationID: "c1",
            replyTo: "r1",
            expiration: .seconds(60),
            headers: headers,
            isMandatory: true
        )
        var topology = names.work()
        topology.exchanges = [Exchange(names.exchange, .topic)]
        topology.bindings = [Binding(exchange: names.exchange, queue: names.queue, routingKey: "a.#")]
        let received = try await withBroker(topology) { broker in
            try await broker.publish(message)
            return try await broker.take(1, from: names.queue)
        }
        let got = try #require(received.first)
        #expect(got.exchange == names.exchange)
        #expect(got.routingKey == "a.b")
        #expect(got.text == "{}")
        #expect(got.contentType == "application/json")
        #expect(got.messageID == "m1")
        #expect(got.correlationID == "c1")
        #expect(got.replyTo == "r1")
        #expect(got.headers == headers)
        #expect(!got.isRedelivered)
        #expect(got.deliveryCount == 0)
    }

    @Test func `a cancelled publisher stops waiting`() async throws {
        let broker = MessageBroker(try configuration(), topology: names.work(), logger: quietLogger)
        // Nobody runs the broker: the message waits until its task is cancelled.
        let publisher = Task { try await broker.publish(names.message(1)) }
        publisher.cancel()
        await #expect(throws: MessagingError.cancelled) { try await publisher.value }
    }
}
