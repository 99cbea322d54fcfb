import Contracts
import Messaging
import TestSupport
import Testing

@Suite(.virtualHost, .timeLimit(.minutes(10))) struct RequestTests {
    let names = Names()

    func withServer(
        _ body: @escaping @Sendable (MessageBroker, RequestClient) async throws -> Void
    ) async throws {
        try await withBroker(names.work()) { broker in
            let client = RequestClient(broker)
            try await whileRunning {
                try await client.run()
            } _: {
                try await whileRunning {
                    try await broker.consume(names.queue, prefetch: 50) { delivery in
                        let request = delivery.message
                        if request.text != "silence" {
                            try? await broker.reply(to: request, body: request.body + Array("!".utf8))
                        }
                        delivery.acknowledge()
                    }
                } _: {
                    try await body(broker, client)
                }
            }
        }
    }

    @Test func `each of many requests gets its own reply`() async throws {
        try await withServer { broker, client in
            try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<200 {
                    group.addTask {
                        (number, try await client.request(names.message(number), timeout: .seconds(100)).text)
                    }
                }
                for try await (number, text) in group {
                    #expect(text == "\(number)!")
                }
            }
        }
    }

    @Test func `a request without an answer times out`() async throws {
        try await withServer { broker, client in
            _ = try await client.request(names.message(0), timeout: .seconds(60))
            var message = names.message(0)
            message.body = Array("silence".utf8)
            var error: MessagingError?
            // While another test's alarm lasts nothing is sent.
            repeat {
                error = await #expect(throws: MessagingError.self) {
                    try await client.request(message, timeout: .milliseconds(500))
                }
            } while error?.code == MessagingError.notSent("").code
            #expect(error == .timedOut("no reply"))
        }
    }

    @Test(arguments: [true, false])
    func `a request expires with its time-out, unless it is not to`(expires: Bool) async throws {
        try await withBroker(names.work()) { broker in
            let client = RequestClient(broker)
            let expirations = Collector<String?>()
            try await whileRunning {
                try await client.run()
            } _: {
                try await whileRunning {
                    try await broker.consume(names.queue) { delivery in
                        expirations.append(delivery.message.properties.expiration)
                        try? await broker.reply(to: delivery.message, body: [])
                        delivery.acknowledge()
                    }
                } _: {
                    _ = try await client.request(names.message(0), timeout: .seconds(60), expires: expires)
                }
            }
            let expiration = try #require(expirations.elements.first)
            #expect((expiration != nil) == expires)
        }
    }

    @Test func `a long text makes a message id of its own`() {
        let run = "0190c0de-0000-7000-8000-000000000000/"
        let path = String(repeating: "2.do#100000.", count: 40)
        let ids = ["1", "2", "é", "e\u{301}"].map { OutgoingMessage.messageID(run + path + $0) }
        #expect(Set(ids.map { Array($0.utf8) }).count == 4)
        #expect(ids.allSatisfy { $0.utf8.count <= 255 && $0.hasPrefix(run) })
        #expect(OutgoingMessage.messageID(String(repeating: "é", count: 200)).utf8.count <= 255)
        #expect(OutgoingMessage.messageID(run + "1") == run + "1")
    }

    @Test func `a request that no queue takes fails at once`() async throws {
        try await withServer { broker, client in
            var message = names.message(0)
            message.routingKey = "\(names.prefix).nowhere"
            await #expect(throws: MessagingError.unroutable(exchange: "", routingKey: message.routingKey)) {
                try await client.request(message, timeout: .seconds(60))
            }
        }
    }

    @Test func `a cancelled request stops waiting and its late reply is dropped`() async throws {
        let (requests, gate) = (Collector<IncomingMessage>(), Gate())
        try await withBroker(names.work()) { broker in
            let client = RequestClient(broker)
            try await whileRunning {
                try await client.run()
            } _: {
                try await whileRunning {
                    try await broker.consume(names.queue) { delivery in
                        requests.append(delivery.message)
                        await gate.wait()
                        try? await broker.reply(to: delivery.message, body: delivery.message.body)
                        delivery.acknowledge()
                    }
                } _: {
                    let cancelled = Task { try await client.request(names.message(1), timeout: .seconds(60)) }
                    await requests.wait(for: 1)
                    cancelled.cancel()
                    await #expect(throws: MessagingError.cancelled) { try await cancelled.value }
                    gate.open()
                    let next = try await client.request(names.message(2), timeout: .seconds(100))
                    #expect(next.text == "2")
                }
            }
        }
    }

    @Test func `requests before the client runs wait for it`() async throws {
        try await withBroker(names.work()) { broker in
            let client = RequestClient(broker)
            await #expect(throws: MessagingError.notSent("the reply queue is not consumed")) {
                try await client.request(names.message(1), timeout: .milliseconds(100))
            }
        }
    }
}
