import Contracts
import Messaging
import TestSupport
import Testing

@Suite(.virtualHost, .timeLimit(.minutes(10))) struct ReconnectionTests {
    let names = Names()

    @Test func `ten thousand messages all arrive though the connection breaks again and again`() async throws {
        var generator = SeededGenerator.announced()
        // Together less than what the messages are long, so that each of them cuts.
        let cuts = (0..<6).map { _ in Int.random(in: 1...100_000, using: &generator) }
        let received = Collector<String>()
        let count = 10_000
        try await withProxy { proxy, url in
            try await withBroker(names.work()) { reader in
                try await whileRunning {
                    try await reader.consume(names.queue, prefetch: 500, concurrency: 1) { delivery in
                        received.append(delivery.message.text)
                        delivery.acknowledge()
                    }
                } _: {
                    try await withBroker(names.work(), configuration(url)) { publisher in
                        // A connection that comes back is cut again, and may be before it is open.
                        proxy.cut(after: cuts)
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for start in stride(from: 0, to: count, by: 100) {
                                group.addTask {
                                    try await publisher.publishAll((start..<start + 100).map(names.message))
                                }
                            }
                            try await group.waitForAll()
                        }
                    }
                    await received.wait { $0.count >= count && Set($0).count == count }
                }
            }
            // One cut may hit what the one before has left.
            #expect(proxy.connections.elements.count > cuts.count / 2)
        }
        #expect(Set(received.elements) == Set((0..<count).map(String.init)))
    }

    @Test func `a consumer resumes`() async throws {
        let received = Collector<String>()
        try await withProxy { proxy, url in
            try await withBroker(names.work()) { publisher in
                try await withBroker(names.work(), configuration(url)) { reader in
                    try await whileRunning {
                        try await reader.consume(names.queue) { delivery in
                            received.append(delivery.message.text)
                            delivery.acknowledge()
                        }
                    } _: {
                        for round in 0..<4 {
                            try await publisher.publish(names.message(round))
                            await received.wait { $0.contains("\(round)") }
                            proxy.cut()
                        }
                    }
                }
            }
        }
        #expect(Set(received.elements) == ["0", "1", "2", "3"])
    }

    @Test func `settling after the connection was lost has no effect and the message comes again`() async throws {
        let (counts, gate) = (Collector<Int>(), Gate())
        try await withProxy { proxy, url in
            try await withBroker(names.work()) { publisher in
                try await publisher.publish(names.message(1))
            }
            try await withBroker(names.work(), configuration(url)) { broker in
                try await whileRunning {
                    try await broker.consume(names.queue, prefetch: 2, concurrency: 2) { delivery in
                        counts.append(delivery.message.deliveryCount)
                        if delivery.message.deliveryCount == 0 { await gate.wait() }
                        delivery.acknowledge()
                    }
                } _: {
                    await counts.wait(for: 1)
                    proxy.cut()
                    await counts.wait(for: 2)
                    gate.open()
                }
                try await broker.publish(names.message(2))
            }
        }
        #expect(counts.elements == [0, 1])
    }

    @Test func `a silent peer is found by its missing heartbeats`() async throws {
        try await withProxy { proxy, url in
            let nervous = try configuration(url) { $0.heartbeat = .seconds(5) }
            try await withBroker(names.work(), nervous) { broker in
                proxy.hang()
                let publisher = Task { try await broker.publish(names.message(1)) }
                for await state in broker.states {
                    guard case .disconnected(.connectionFailed(let reason)) = state else { continue }
                    #expect(reason.contains("heartbeat"))
                    break
                }
                proxy.resume()
                try await publisher.value
                try await broker.waitUntilConnected(within: .seconds(120))
            }
        }
    }

    @Test func `a request outlives a reconnection of the one who asked`() async throws {
        let (requests, gate) = (Collector<IncomingMessage>(), Gate())
        try await withProxy { proxy, url in
            try await withBroker(names.work()) { server in
                try await whileRunning {
                    try await server.consume(names.queue) { delivery in
                        requests.append(delivery.message)
                        // The first one is answered late, the second one at once.
                        let isFirst = delivery.message.text == "1"
                        if isFirst { await gate.wait() }
                        try? await server.reply(to: delivery.message, body: Array((isFirst ? "late" : "soon").utf8))
                        delivery.acknowledge()
                    }
                } _: {
                    try await withBroker(names.work(), configuration(url)) { broker in
                        let client = RequestClient(broker)
                        try await whileRunning {
                            try await client.run()
                        } _: {
                            let request = Task { try await client.request(names.message(1), timeout: .seconds(60)) }
                            await requests.wait(for: 1)
                            proxy.cut()
                            // A reply that reaches the old queue before the broker has noticed is lost with it.
                            await proxy.connections.wait(for: 4)
                            // When one is answered, the queue is there again.
                            let other = try await client.request(names.message(2), timeout: .seconds(60))
                            #expect(other.text == "soon")
                            gate.open()
                            let reply = try await request.value
                            #expect(reply.text == "late")
                        }
                    }
                }
            }
        }
    }

    @Test(.needsPrivateBroker) func `a queue that is deleted under its consumer is declared again`() async throws {
        let received = Collector<String>()
        try await withBroker(names.work()) { broker in
            try await whileRunning {
                try await broker.consume(names.queue) { delivery in
                    received.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                try await broker.publish(names.message(1))
                await received.wait(for: 1)
                try await TestServer.deleteQueue(names.queue)
                try await publishUntilRouted(names.message(2), broker)
                await received.wait(for: 2)
                #expect(broker.state.isUp)
            }
        }
        #expect(received.elements == ["1", "2"])
    }

    /// As after a loss that the broker has not noticed: the connection before holds it.
    @Test func `a queue that another connection holds keeps no other consumer from its work`() async throws {
        let own = "\(names.prefix).own"
        let topology = names.work() + Topology(queues: [Queue(own, .ofConnection(maxLength: 10))])
        let (received, heard) = (Collector<String>(), Collector<String>())
        let holder = MessageBroker(try configuration(), topology: topology, logger: quietLogger)
        let holding = Task { try await holder.run() }
        try await holder.waitUntilConnected(within: .seconds(120))
        try await withBroker(topology) { broker in
            try await whileRunning {
                try await broker.consume(own) { delivery in
                    heard.append(delivery.message.text)
                    delivery.acknowledge()
                }
            } _: {
                try await whileRunning {
                    try await broker.consume(names.queue) { delivery in
                        received.append(delivery.message.text)
                        delivery.acknowledge()
                    }
                } _: {
                    try await broker.publish(names.message(1))
                    await received.wait(for: 1)
                    holding.cancel()
                    try await holding.value
                    var message = names.message(2)
                    message.routingKey = own
                    // It comes to nobody, or is returned, until the queue is this connection's.
                    try await eventually("the other consumer has its queue, too") {
                        try? await broker.publish(message)
                        return !heard.elements.isEmpty
                    }
                }
            }
        }
    }

    @Test(.needsPrivateBroker) func `connections that the broker closes come back`() async throws {
        let named = try configuration { $0.connectionName = names.prefix }
        try await withBroker(names.work(), named) { broker in
            try await broker.publish(names.message(1))
            try await TestServer.closeConnections(named: names.prefix, count: 2)
            try await broker.publish(names.message(2))
            // The end of the second connection may be seen only after the first one is back.
            try await eventually("both connections are back") {
                try await broker.waitUntilConnected(within: .seconds(120))
                return (try? await broker.ping()) != nil
            }
        }
    }

    private func publishUntilRouted(_ message: OutgoingMessage, _ broker: MessageBroker) async throws {
        while true {
            do throws(MessagingError) {
                return try await broker.publish(message)
            } catch .unroutable {
                continue
            }
        }
    }
}
