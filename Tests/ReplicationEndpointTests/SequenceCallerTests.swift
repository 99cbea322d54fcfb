import Contracts
import ControlStore
import CouchProtocol
import Foundation
import JSON
import Logging
import Messaging
import TestSupport
import Testing

@testable import ReplicationEndpoint

/// How the endpoint asks workers.
@Suite(.virtualHost, .timeLimit(.minutes(10))) struct SequenceCallerTests {
    @Test(arguments: [(RunCause.login, QueueName.logins), (.call, QueueName.calls)])
    func `a call does not expire in its queue, from where it would go to the dead letters`(
        cause: RunCause,
        queue: String
    ) async throws {
        let broker = MessageBroker(
            try MessagingConfiguration(url: TestVirtualHost.address),
            topology: .shared,
            logger: Logger(label: "tests")
        )
        let requests = RequestClient(broker)
        let (messages, continuation) = AsyncStream.makeStream(of: IncomingMessage.self)
        let tasks = [
            Task { try await broker.run() }, Task { try await requests.run() },
            Task {
                try await broker.consume(queue) { delivery in
                    let message = delivery.message
                    continuation.yield(message)
                    let answer = SequenceAnswer(run: "", outcome: .failed(Failure(code: "seen", message: "")))
                    try? await broker.reply(to: message, body: answer.body)
                    delivery.acknowledge()
                }
            },
        ]
        // An hour ahead of this machine's clock.
        let clock = try await DatabaseClock { Date(timeIntervalSinceNow: 3_600) }
        let answer = try await SequenceCaller(requests: requests, clock: clock).call(
            "login",
            of: "p",
            variables: ["password": "hunter2"],
            identity: .nobody,
            cause: cause,
            timeout: .seconds(600)
        )
        #expect(answer.outcome == .failed(Failure(code: "seen", message: "")))
        var iterator = messages.makeAsyncIterator()
        let message = try #require(await iterator.next())
        #expect(message.properties.expiration == nil)
        // It says itself until when it is waited for.
        let deadline = try SequenceCall(body: message.body).deadline
        #expect(deadline.timeLeft(database: clock.now, machine: 0).map { $0 <= .seconds(600) } == true)
        let byDatabase = try #require(deadline.byDatabase)
        #expect((3_500_000..<3_700_000).contains(byDatabase - deadline.byCaller))
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
    }

    @Test func `one caller has so many calls under way, and another one has them too`() async throws {
        let underWay = CallsUnderWay(limit: 2)
        try await underWay.counting("user ann") {
            try await underWay.counting("user ann") {
                let refusal = await #expect(throws: CouchError.self) { try await underWay.counting("user ann") {} }
                #expect(refusal?.status == 429)
                try await underWay.counting("user bob") {}
            }
            // What has ended, well or not, makes room.
            await #expect(throws: CancellationError.self) {
                try await underWay.counting("user ann") { throw CancellationError() }
            }
            try await underWay.counting("user ann") {}
        }
    }
}
