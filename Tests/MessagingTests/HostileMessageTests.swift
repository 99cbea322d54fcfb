import Contracts
import Foundation
import TestMessaging
import TestSupport
import Testing

@testable import Messaging

/// Messages that our own publisher would refuse to send.
@Suite(.virtualHost, .timeLimit(.minutes(10))) struct HostileMessageTests {
    let names = Names()

    @Test(arguments: [20, 1_000, 25_000])
    func `headers nested too deep are dropped and the message is taken`(depth: Int) async throws {
        let received = try await withBroker(names.work()) { broker in
            try await publishUnchecked { [names] in
                var nested = HeaderValue.int(1)
                for _ in 0..<depth { nested = .array([nested]) }
                return OutgoingMessage(
                    exchange: "",
                    routingKey: names.queue,
                    body: [1],
                    headers: ["deep": nested, "flat": 2]
                )
            }
            return try await broker.take(1, from: names.queue)
        }
        let message = try #require(received.first)
        #expect(message.headers["flat"] == 2)
        var value = try #require(message.headers["deep"])
        var levels = 0
        while case .array(let inner) = value, let first = inner.first {
            value = first
            levels += 1
        }
        #expect(levels < HeaderLimits.depth && value == .array([]))
    }

    @Test func `headers with more values than allowed are cut off`() async throws {
        let received = try await withBroker(names.work()) { broker in
            try await publishUnchecked { [names] in
                let many = HeaderValue.array(Array(repeating: 1, count: 5_000))
                return OutgoingMessage(exchange: "", routingKey: names.queue, body: [1], headers: ["many": many])
            }
            return try await broker.take(1, from: names.queue)
        }
        guard case .array(let values) = received.first?.headers["many"] else {
            Issue.record("no array")
            return
        }
        #expect(values.count == HeaderLimits.values - 1)
    }

    /// Sends a message past all checks, on a thread whose stack has room for what it makes.
    private func publishUnchecked(_ message: @escaping @Sendable () -> OutgoingMessage) async throws {
        let configuration = try configuration()
        let error: MessagingError? = await withCheckedContinuation { continuation in
            let thread = Thread {
                do throws(MessagingError) {
                    let connection = try AMQPConnection.open(configuration)
                    try connection.openChannel(1)
                    let message = message()
                    _ = try connection.sendPublish(1, message, headers: message.headers)
                    try connection.sendBody(1, message.body, 0..<message.body.count)
                    connection.close()
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
            thread.stackSize = 512 * 1_024 * 1_024
            thread.start()
        }
        if let error { throw error }
    }
}
