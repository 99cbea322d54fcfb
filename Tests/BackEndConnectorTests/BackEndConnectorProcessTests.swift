import Contracts
import ControlStore
import Foundation
import JSON
import Messaging
import PrivateServers
import TestMessaging
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

    @Test func `what was refused is not begun when its message comes again`() async throws {
        let backEnd = try await BackEnd.start { request in
            request.method == "POST" ? [.answer(409, "{}")] : [.answer(200, "{}")]
        }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let first = try await system.start()
        let deadline = CallDeadline(byCaller: Int(Date().timeIntervalSince1970 * 1_000) + 500_000)
        let answer = try await system.call("create", until: deadline)
        // Whoever asked may have asked anew since: what comes late must not do it a second time.
        #expect(try await system.call("create", until: deadline) == answer)
        #expect(backEnd.received.count == 1)
        guard case .failure(let failure) = answer else {
            Issue.record("a conflict is no failure")
            return
        }
        #expect(failure.effect == .none)
        #expect(await first.stop() == .code(0))
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

    @Test func `a burst of notifications waits in its queue and becomes runs, each once, though a connector dies`()
        async throws
    {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let count = 10_000
        // Nobody takes them yet. Every tenth comes twice.
        try await system.notify((0..<count).map { "\($0)" } + (0..<count / 10).map { "\($0 * 10)" })
        let first = try await system.start()
        let second = try await system.start()
        try await eventually("some are runs") { try await system.countOfRuns() > 100 }
        first.process.send(.kill)
        await first.process.waitForExit()
        try await eventually("all are runs", within: .seconds(600)) { try await system.countOfRuns() == count }
        let ids = try await system.runs().compactMap { $0.variables["ids"]?.arrayValue?.first?.stringValue }
        #expect(Set(ids).count == count)
        #expect(await second.stop() == .code(0))
        await system.stop()
    }

    @Test func `what cannot be understood is kept with its reason, whole`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        let tooLarge = "{\"a\":\"" + String(repeating: "x", count: 1_100_000) + "\"}"
        let wrong = [
            ("p.changed", "{"), ("p.changed", "[1]"), ("q.changed", "{}"), ("p.other", "{}"), ("p", "{}"),
            ("p.changed.twice", "{}"), ("p.changed", tooLarge), ("p.changed", "\u{FEFF}{}"),
            ("p.changed", #"{"ids":{"WO-1":true}}"#),
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
            "1048576", "'pull' cannot take it: the variable 'ids' must be a string, found object",
        ] {
            #expect(reasons.contains { $0.contains(part) }, "\(part)")
        }
        #expect(try await system.runs().isEmpty)
        #expect(await service.stop() == .code(0))
        await system.stop()
    }

    @Test func `what is larger than a message may be is kept with its reason, too, and holds up no other`() async throws
    {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        let sizes = [17 << 20, 18 << 20, 17 << 20]
        for (number, size) in sizes.enumerated() {
            let text = String(repeating: "x", count: size)
            try await system.notify("p.changed", #"{"a":"\#(text)"}"#, id: "large-\(number)")
        }
        try await system.notify("p.changed", #"{"ids":["WO-1"]}"#)
        let rejected = try await system.take(sizes.count, from: QueueName.rejected)
        #expect(rejected.map { $0.body.count }.sorted() == sizes.map { $0 + 8 }.sorted())
        for message in rejected {
            #expect(message.headers[HeaderName.reason]?.string?.contains("1048576 are allowed") == true)
            #expect(message.headers[HeaderName.originalRoutingKey]?.string == "p.changed")
        }
        try await eventually("the other one is a run") { try await system.runs().count == 1 }
        #expect(await service.stop() == .code(0))
        await system.stop()
    }

    @Test func `a call that is none is answered and kept without its variables`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        let calls: [(body: JSONValue, kept: String)] = [
            (
                ["project": "p", "version": "one", "variables": ["password": "hunter2"]],
                #"{"project":"p","version":"one"}"#
            ), ("hunter2", ""),
        ]
        for call in calls {
            let message = OutgoingMessage(
                exchange: ExchangeName.direct,
                routingKey: QueueName.connectorCalls,
                body: call.body.bytes
            )
            let reply = try await system.requests.request(message, timeout: .seconds(500))
            guard case .failure(let failure) = try ConnectorAnswer(body: reply.body).outcome else {
                Issue.record("answered")
                continue
            }
            #expect(failure.code == "bad_request" && failure.effect == .none)
        }
        let rejected = try await system.take(calls.count, from: QueueName.rejected)
        #expect(Set(rejected.map { String(decoding: $0.body, as: UTF8.self) }) == Set(calls.map(\.kept)))
        #expect(rejected.allSatisfy { $0.headers[HeaderName.reason] != nil })
        #expect(await service.stop() == .code(0))
        await system.stop()
    }

    @Test func `a call that nobody waits for any more is dropped, and kept nowhere`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let now = try await DatabaseClock(system.control).now
        let deadlines =
            [1, 0, -1, Int.min].map { CallDeadline(byCaller: $0) }
            // That the caller's clock is an hour ahead changes nothing.
            + [now - 1, 0, Int.min].map { CallDeadline(byDatabase: $0, byCaller: now + 3_600_000) }
        for deadline in deadlines {
            let call = ConnectorCall(
                project: "p",
                version: 1,
                connector: "erp",
                transaction: "read",
                variables: ["password": "hunter2"],
                idempotencyKey: "run/1",
                deadline: deadline
            )
            try await system.broker.publish(
                OutgoingMessage(exchange: ExchangeName.direct, routingKey: QueueName.connectorCalls, body: call.body)
            )
        }
        let service = try await system.start()
        // It comes behind them, and there is one connector.
        _ = try await system.call("read").get()
        #expect(backEnd.received.count == 1)
        try await system.broker.publish(
            OutgoingMessage(exchange: ExchangeName.direct, routingKey: QueueName.rejected, body: [1])
        )
        #expect(try await system.take(1, from: QueueName.rejected).map(\.body) == [[1]])
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `a call is carried out though its caller's clock is an hour behind`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, #"{"items":[]}"#)] }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let service = try await system.start()
        let now = try await DatabaseClock(system.control).now
        let deadline = CallDeadline(byDatabase: now + 500_000, byCaller: now - 3_600_000 + 500_000)
        #expect(try await system.call("read", until: deadline).get()["body"] == ["items": []])
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `how large a notification may be is the operator's to say`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start([
            "FULLSYNC_CONNECTOR_NOTIFICATION_SIZE": "2MiB", "FULLSYNC_CONNECTOR_NOTIFICATION_VALUES": "3",
        ])
        func body(_ size: Int) -> String { #"{"ids":["\#(String(repeating: "x", count: size - 12))"]}"# }
        try await system.notify("p.changed", body((2 << 20) + 1))
        try await system.notify("p.changed", #"{"ids":["a","b"]}"#)
        let rejected = try await system.take(2, from: QueueName.rejected)
        let reasons = Set(rejected.compactMap { $0.headers[HeaderName.reason]?.string })
        for part in ["2097153 bytes, 2097152 are allowed", "more than 3 values"] {
            #expect(reasons.contains { $0.contains(part) }, "\(reasons)")
        }
        try await system.notify("p.changed", body(2 << 20))
        try await eventually("the one that is as large as may be is a run") { try await system.runs().count == 1 }
        #expect(await service.stop() == .code(0))
        await system.stop()
    }

    @Test func `neither an id that PostgreSQL cannot hold nor headers without room for a reason stay in hand`()
        async throws
    {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:1")
        let service = try await system.start()
        try await system.notify("p.changed", "{}", id: "a\0b")
        // As much as may be sent: 64 KiB, of which name and value take six bytes each beside their own.
        let header = HeaderValue.string(String(repeating: "x", count: 65_536 - 13))
        try await system.notify("p", "{}", headers: ["x": header])
        let rejected = try await system.take(2, from: QueueName.rejected)
        let reasons = Set(rejected.compactMap { $0.headers[HeaderName.reason]?.string })
        #expect(
            reasons == ["the message id has a zero byte", "the routing key is not <project>.<notification>"]
        )
        #expect(rejected.allSatisfy { $0.headers["x"] == nil })
        #expect(try await system.runs().isEmpty)
        #expect(await service.stop() == .code(0))
        await system.stop()
    }
}

extension RunningConnector {
    /// Takes so many messages of a queue, also such as are larger than messages may be.
    fileprivate func take(_ count: Int, from queue: String) async throws -> [IncomingMessage] {
        try await broker.take(count, from: queue, maximumOversize: 64 << 20)
    }
}
