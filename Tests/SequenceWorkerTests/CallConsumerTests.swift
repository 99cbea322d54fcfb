import Contracts
import ControlStore
import CouchProtocol
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import Sequences
import TestMessaging
import TestSupport
import Testing

@testable import DocumentStore
@testable import SequenceWorker

/// How calls are taken from their queue: begun, ended and answered once, whatever fails meanwhile.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct CallConsumerTests {
    private let run = UUID().uuidString.lowercased()

    @Test(arguments: ["INSERT", "UPDATE"])
    func `a call is begun and ended when that succeeds at last, and done once`(change: String) async throws {
        try await TestWorker.with { worker in
            try await worker.refuse(change, times: 2)
            let outcome = try await worker.taking {
                try await worker.answer(worker.call("greet", ["variables": ["name": "ann"]], run: run))
            }
            guard case .succeeded(let value, _, _) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(value == ["hello": "ann"])
            #expect(try await worker.tries() == 3)
            #expect(try await worker.attempts(at: run) == 1)
            #expect(try await worker.control.run(run)?["state"] == "succeeded")
        }
    }

    @Test func `a call without a deadline is not tried for ever`() async throws {
        try await TestWorker.with(patience: .milliseconds(1)) { worker in
            try await worker.refuse("INSERT", times: .max)
            let code = try await worker.taking { try await worker.failure(of: worker.call("greet")) }
            #expect(code == "unavailable")
        }
    }

    @Test func `a call that PostgreSQL will never take is refused at once`() async throws {
        try await TestWorker.with { worker in
            try await worker.refuse("INSERT", times: .max, code: "22023")
            let code = try await worker.taking { try await worker.failure(of: worker.call("greet")) }
            #expect(code == "bad_request")
            #expect(try await worker.tries() == 1)
        }
    }

    @Test func `a call that is delivered again while it is worked on is not begun again`() async throws {
        try await TestWorker.with { worker in
            try await worker.taking {
                let call = worker.call("wait", ["variables": ["until": "go"]], run: run)
                async let waiting = worker.failure(of: call)
                try await eventually("the call has begun") { try await worker.attempts(at: run) == 1 }
                // The same one, as after a lost connection, and written in another way.
                var again = call
                again.body = worker.call("wait", ["variables": ["until": "go"]], run: run.uppercased()).body
                try await worker.broker.publish(again)
                // There are two places: this one comes behind the second, and would wait for it.
                #expect(try await worker.failure(of: worker.call("greet")) == nil)
                try await worker.put("go")
                #expect(try await waiting == nil)
            }
            #expect(try await worker.attempts(at: run) == 1)
        }
    }

    @Test func `a call that has ended comes again and is answered, and not done again`() async throws {
        try await TestWorker.with(places: 1) { worker in
            try await worker.taking {
                let call = worker.call("greet", run: run)
                #expect(try await worker.failure(of: call) == nil)
                // By then the worker is done with the first one.
                #expect(try await worker.failure(of: worker.call("greet")) == nil)
                // As when its worker died before the broker heard of the end.
                guard case .failed(let failure) = try await worker.answer(call) else {
                    Issue.record("it was done again")
                    return
                }
                #expect(failure.code == "answer_lost" && failure.effect == .unknown)
            }
            #expect(try await worker.attempts(at: run) == 1)
        }
    }

    @Test(arguments: [true, false])
    func `the caller hears that a run was cancelled when its worker has not`(isNoticed: Bool) async throws {
        try await TestWorker.with(lease: isNoticed ? .seconds(1) : .seconds(600), places: 1) { worker in
            try await worker.taking {
                let call = worker.call("wait", ["variables": ["until": "go"]], run: run)
                async let code = worker.failure(of: call)
                try await eventually("the call has begun") { try await worker.attempts(at: run) == 1 }
                #expect(try await worker.control.cancelRun(run) != nil)
                // Its worker learns of it from its claim, or when it would write down how the run ended.
                if !isNoticed { try await worker.put("go") }
                #expect(try await code == "cancelled")
                // By then the worker is done with the first one.
                #expect(try await worker.failure(of: worker.call("greet")) == nil)
                #expect(try await worker.failure(of: call) == "cancelled", "a call that is delivered again")
            }
            #expect(try await worker.attempts(at: run) == 1)
        }
    }

    @Test func `the caller hears of a run that another worker has taken from its row and ended`() async throws {
        try await TestWorker.with { worker in
            try await worker.taking {
                async let code = worker.failure(of: worker.call("wait", ["variables": ["until": "go"]], run: run))
                try await eventually("the call has begun") { try await worker.attempts(at: run) == 1 }
                // As if its worker had not been able to prolong its claim.
                try await worker.client.execute("UPDATE runs SET claimed_until = now() - interval '1 second'")
                let taken = try await worker.control.claim(run: run, worker: "x", lease: .seconds(600))
                #expect(try await worker.control.finish(try #require(taken), .succeeded) == [])
                try await worker.put("go")
                #expect(try await code == "answer_lost")
            }
        }
    }

    @Test func `a call that nobody waits for any more is dropped, and kept nowhere`() async throws {
        try await TestWorker.with { worker in
            let past = worker.call("greet", ["variables": ["name": "secret"], "deadline": 1], run: run)
            try await worker.broker.publish(past)
            // It comes behind, and both are taken before it is answered or at the same time.
            #expect(try await worker.taking { try await worker.failure(of: worker.call("greet")) } == nil)
            try await worker.broker.publish(
                OutgoingMessage(exchange: ExchangeName.direct, routingKey: QueueName.rejected, body: [1])
            )
            #expect(try await worker.broker.take(1, from: QueueName.rejected).map(\.body) == [[1]])
            #expect(try await worker.control.run(run) == nil)
        }
    }

    @Test(
        arguments: [
            (["run": "order-17"], "'run' is no UUID"), (["project": "a\u{0}b"], "'project' has a zero byte"),
            (["sequence": "a\u{0}b"], "'sequence' has a zero byte"), (["cause": "whim"], "'cause' is unknown"),
            (["identity": ["user": "a\u{0}b"]], "'user' has a zero byte"), (["deadline": "soon"], "'deadline' is no"),
        ] as [(JSONObject, String)]
    )
    func `a call that is none is answered, and kept with the reason and without its variables`(
        members: JSONObject,
        reason: String
    ) async throws {
        try await TestWorker.with { worker in
            let secrets: JSONObject = ["variables": ["password": "hunter2"], "request": ["headers": ["x": "hunter2"]]]
            let call = worker.call("greet", secrets.merging(members))
            guard case .failed(let failure) = try await worker.taking({ try await worker.answer(call) }) else {
                Issue.record("it was answered")
                return
            }
            #expect(failure.code == "bad_request" && failure.message.contains(reason), "\(failure)")
            let kept = try #require(try await worker.broker.take(1, from: QueueName.rejected).first)
            #expect(kept.headers[HeaderName.reason]?.string?.contains(reason) == true)
            let body = try JSONValue(parsing: kept.body)
            for (name, value) in members { #expect(body[name] == value) }
            #expect(body["variables"] == nil && body["request"] == nil)
        }
    }

    @Test func `a call that was delivered very often is set aside, and the next one served`() async throws {
        try await TestWorker.with { worker in
            var call = worker.call("greet", ["variables": ["name": "secret"]], run: run)
            // As the broker says it.
            call.headers["x-delivery-count"] = .int(Int64(Topology.callDeliveries))
            try await worker.taking {
                guard case .failed(let failure) = try await worker.answer(call) else {
                    Issue.record("it was answered")
                    return
                }
                #expect(failure.code == "worker_lost" && failure.effect == .unknown)
                #expect(try await worker.failure(of: worker.call("greet")) == nil)
            }
            #expect(try await worker.control.run(run) == nil)
        }
    }

    @Test func `an answer is XML for who asks for it`() async throws {
        try await TestWorker.with { worker in
            try await worker.taking {
                let members: JSONObject = ["variables": ["name": "A&B"], "accept": "application/xml"]
                let reply = try await worker.requests.request(
                    worker.call("greet", members, run: run),
                    timeout: .seconds(500)
                )
                #expect(reply.contentType == "application/xml; charset=utf-8")
                let text = String(decoding: reply.body, as: UTF8.self)
                #expect(text.contains("<sequence type=\"object\"><run>\(run)</run>"), "\(text)")
                #expect(text.contains("<answer type=\"object\"><hello>A&amp;B</hello></answer>"), "\(text)")
                let failed = try await worker.requests.request(
                    worker.call("greet", ["variables": ["nmae": 1], "accept": "text/xml"]),
                    timeout: .seconds(500)
                )
                #expect(String(decoding: failed.body, as: UTF8.self).contains("<code>invalid_variable</code>"))
            }
        }
    }
}

/// How sequences reach the back-end connectors.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct ConnectorCallerTests {
    @Test func `a call that is too large for a message fails for good`() async throws {
        try await TestWorker.with { worker in
            let code = try await worker.taking { try await worker.failure(of: worker.call("askTooMuch")) }
            #expect(code == "limit")
            let failure = Failure(code: "limit", message: "")
            let end = RetryPolicy().end(after: failure, attempt: 1, uncounted: 0, holding: true, jitter: 0)
            guard case .failed(_, holding: true) = end else {
                Issue.record("it is tried again")
                return
            }
        }
    }

    @Test func `a call that was not sent had no effect, and may be made again`() async throws {
        try await TestRun.with { test in
            // Nobody runs it, as if there were no broker.
            let broker = MessageBroker(
                try MessagingConfiguration(url: TestVirtualHost.address),
                topology: .shared,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let caller = ConnectorCaller(
                requests: RequestClient(broker),
                control: test.control,
                clock: try await DatabaseClock(test.control)
            )
            let site = TestRun.site(1, within: .seconds(20))
            let failure = await #expect(throws: SequenceFailure.self) {
                try await caller.call(
                    TransactionReference(connector: "erp", transaction: "send"),
                    variables: [:],
                    isIdempotent: false,
                    of: test.run,
                    session: nil,
                    at: site
                )
            }
            #expect(failure?.code == "connector_unavailable")
            guard case .none = try await test.control.effect(of: test.run, step: site.path.description) else {
                Issue.record("its attempt is noted")
                return
            }
        }
    }

    @Test func `what a back end has answered is written down once that is possible, and stays known`() async throws {
        try await TestWorker.with { worker in
            try await worker.refuseAnswers(times: 3)
            let run = UUID().uuidString.lowercased()
            try await worker.taking {
                async let outcome = worker.answer(worker.call("order", run: run))
                let message = try #require(try await worker.broker.take(1, from: QueueName.connectorCalls).first)
                try await worker.broker.reply(to: message, body: ConnectorAnswer(.success(["order": 7])).body)
                guard case .succeeded(let answer, _, _) = try await outcome else {
                    Issue.record("the call failed")
                    return
                }
                #expect(answer == ["order": 7])
            }
            #expect(try await worker.tries() == 4)
            let ledger = try await worker.client.query(
                "SELECT answer FROM effects WHERE run = \(UUID(uuidString: run))"
            )
            #expect(try ledger.map { try $0.decode([UInt8].self, at: 0) } == [JSONValue.object(["order": 7]).bytes])
        }
    }

    @Test func `a call of unknown outcome says where it was made, and what is known of it`() async throws {
        try await TestWorker.with { worker in
            try await worker.taking {
                async let outcome = worker.answer(worker.call("order"))
                let message = try #require(try await worker.broker.take(1, from: QueueName.connectorCalls).first)
                let lost = Failure(code: "http_status", message: "500", details: ["status": 500], effect: .unknown)
                try await worker.broker.reply(to: message, body: ConnectorAnswer(.failure(lost)).body)
                guard case .failed(let failure) = try await outcome else {
                    Issue.record("it succeeded")
                    return
                }
                #expect(failure.effect == .unknown && failure.details["details"] == ["status": 500])
                #expect(failure.details["file"] == "sequences/order.yaml" && failure.details["line"] != nil)
            }
        }
    }

    @Test func `a call does not expire in its queue, from where it would go to the dead letters`() async throws {
        try await TestWorker.with { worker in
            try await worker.taking {
                async let code = worker.failure(of: worker.call("ask"))
                let message = try #require(try await worker.broker.take(1, from: QueueName.connectorCalls).first)
                #expect(message.properties.expiration == nil)
                // It says itself until when it is waited for.
                #expect(try ConnectorCall(body: message.body).deadline.byDatabase != nil)
                let answer = ConnectorAnswer(.failure(Failure(code: "seen", message: "")))
                try await worker.broker.reply(to: message, body: answer.body)
                #expect(try await code == "seen")
            }
        }
    }
}

extension TestWorker {
    /// Writes a document.
    func put(_ id: String) async throws {
        let edit = DocumentEdit(
            id: DocumentID(stored: id),
            revision: .next(after: nil),
            isDeleted: false,
            body: DocumentBody(bytes: Array("{}".utf8), isFaithfulInJSONB: true),
            tags: AskedTags()
        )
        _ = try await store.write([edit], to: try await store.database("db"), by: .administrator(name: "admin"))
    }
}
