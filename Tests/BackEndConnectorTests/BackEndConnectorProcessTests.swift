import Contracts
import JSON
import Messaging
import PrivateServers
import TestSupport
import Testing

/// The connector as it really runs: a process between RabbitMQ, PostgreSQL and a back end.
@Suite(.database, .virtualHost) struct BackEndConnectorProcessTests {
    @Test func `a call is answered, and one that makes no sense is told why`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, #"{"items":[]}"#)] }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let service = try await system.start()
        let answer = try await system.call("read").get()
        #expect(answer["body"] == ["items": []])
        guard case .failure(let failure) = try await system.call("nothing") else {
            Issue.record("a transaction that does not exist was answered")
            return
        }
        #expect(failure.code == "not_found")
        #expect(failure.effect == .none)
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `what may happen once happens once, also when the process is killed in the middle`() async throws {
        let backEnd = try await BackEnd.start { request in
            request.method == "POST" ? [.hang] : [.answer(200, "{}")]
        }
        let system = try await RunningConnector(backEnd: backEnd.url, timeout: "60s")
        let first = try await system.start()
        async let outcome = system.call("create")
        try await eventually("the back end has the request") { backEnd.received.count == 1 }
        first.process.send(.kill)
        await first.process.waitForExit()
        let second = try await system.start()
        guard case .failure(let failure) = try await outcome else {
            Issue.record("a request whose process was killed was answered")
            return
        }
        #expect(failure.code == "outcome_unknown")
        #expect(failure.effect == .unknown)
        #expect(backEnd.received.count == 1)
        #expect(await second.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `what is idempotent is done again by the next process`() async throws {
        let backEnd = try await BackEnd.start { request in
            // The first one hangs, the second one is answered.
            request.headers["idempotency-key"] == nil ? [.close] : [.hang]
        }
        let system = try await RunningConnector(backEnd: backEnd.url, timeout: "60s")
        let first = try await system.start()
        async let outcome = system.call("update", ["number": "1", "changes": [:]])
        try await eventually("the back end has the request") { backEnd.received.count == 1 }
        first.process.send(.kill)
        await first.process.waitForExit()
        let second = try await system.start()
        try await eventually("the back end has the request again") { backEnd.received.count == 2 }
        #expect(Set(backEnd.received.map { $0.headers["idempotency-key"] }) == ["run/1"])
        await backEnd.stop()
        _ = try await outcome
        #expect(await second.stop() == .code(0))
        await system.stop()
    }

    @Test func `a notification becomes one run, however often it comes`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        for _ in 0..<3 { try await system.notify("p.changed", #"{"ids":["WO-1"]}"#, id: "m-1") }
        try await system.notify("p.changed", #"{"ids":["WO-2"]}"#, id: "m-2")
        try await system.notify("p.changed", "{}")
        try await system.notify("p.changed", "{}")
        try await eventually("four runs are made") { try await system.runs().count == 4 }
        let runs = try await system.runs()
        #expect(runs.allSatisfy { $0.sequence == "pull" && $0.cause == "notification" && $0.source == "changed" })
        #expect(Set(runs.map(\.variables)) == [["ids": ["WO-1"]], ["ids": ["WO-2"]], [:]])
        #expect(await service.stop() == .code(0))
        await system.stop()
    }

    @Test func `what cannot be understood is kept with its reason, whole`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        let tooLarge = "{\"a\":\"" + String(repeating: "x", count: 1_100_000) + "\"}"
        let wrong = [
            ("p.changed", "{"), ("p.changed", "[1]"), ("q.changed", "{}"), ("p.other", "{}"), ("p", "{}"),
            ("p.changed.twice", "{}"), ("p.changed", tooLarge), ("p.changed", "\u{FEFF}{}"),
        ]
        for (key, body) in wrong { try await system.notify(key, body) }
        let rejected = try await system.take(wrong.count, from: QueueName.rejected)
        let found = Set(
            rejected.map {
                [$0.headers[HeaderName.originalRoutingKey]?.string ?? "", String(decoding: $0.body, as: UTF8.self)]
            }
        )
        #expect(found == Set(wrong.map { [$0.0, $0.1] }))
        let reasons = rejected.compactMap { $0.headers[HeaderName.reason]?.string }
        #expect(reasons.count == wrong.count)
        for part in [
            "no JSON", "of type array", "no project 'q'", "no notification 'other'", "<project>.<notification>",
            "1048576",
        ] {
            #expect(reasons.contains { $0.contains(part) }, "\(part)")
        }
        #expect(try await system.runs().isEmpty)
        #expect(await service.stop() == .code(0))
        await system.stop()
    }
}

extension RunningConnector {
    /// Takes that many messages from a queue.
    fileprivate func take(_ count: Int, from queue: String) async throws -> [IncomingMessage] {
        let (messages, continuation) = AsyncStream.makeStream(of: IncomingMessage.self)
        let consumer = Task { [broker] in
            try await broker.consume(queue) { delivery in
                let message = delivery.message
                delivery.acknowledge()
                continuation.yield(message)
            }
        }
        var taken: [IncomingMessage] = []
        for await message in messages {
            taken.append(message)
            if taken.count == count { break }
        }
        consumer.cancel()
        _ = await consumer.result
        return taken
    }
}
