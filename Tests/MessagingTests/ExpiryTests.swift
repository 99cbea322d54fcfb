import Contracts
import TestSupport
import Testing

@testable import Messaging

/// Messages have deadlines of their own: what came first may have the last one.
@Suite(.virtualHost, .timeLimit(.minutes(10))) struct ExpiryTests {
    let names = Names()

    private func broker() throws -> MessageBroker {
        MessageBroker(try configuration(), topology: names.work(), logger: quietLogger)
    }

    @Test func `what waits for a connection fails at its deadline, whatever is before it`() async throws {
        // Nobody runs it, so it is this test that says what time it is.
        let broker = try broker()
        let now = ContinuousClock.now
        let promises = try [3_600, 30, 60].map { seconds throws(MessagingError) in
            let promise = Promise<Void>()
            try broker.post([names.message(seconds)], promise, deadline: now + .seconds(seconds))
            return promise
        }
        func isOver(at second: Int) -> [Bool] {
            broker.publishing.expire(now + .seconds(second))
            return promises.map(\.isResolved)
        }
        #expect(isOver(at: 29) == [false, false, false])
        #expect(isOver(at: 30) == [false, true, false])
        #expect(isOver(at: 60) == [false, true, true])
        #expect(isOver(at: 3_600) == [true, true, true])
        for promise in promises {
            let error = await #expect(throws: MessagingError.self) { try await promise.value() }
            #expect(error?.code == "not_sent")
        }
    }

    @Test func `what waits for a connection is dropped when nobody waits for it any more`() throws {
        let broker = try broker()
        let (gone, other) = (Promise<Void>(), Promise<Void>())
        weak var batch: PublishBatch?
        func publish(_ promise: Promise<Void>) -> PublishBatch {
            let batch = PublishBatch(count: 1, promise, SendMark())
            let deadline = ContinuousClock.now + .seconds(3_600)
            broker.publishing.publish([PublishTicket(message: names.message(1), deadline: deadline, batch: batch)])
            return batch
        }
        _ = publish(other)
        batch = publish(gone)
        broker.publishing.expire(.now)
        #expect(batch != nil)
        gone.resolve(.failure(.cancelled))
        broker.publishing.expire(.now + .seconds(2))
        #expect(batch == nil)
        #expect(!other.isResolved)
    }

    @Test func `what was sent to a broker that hangs fails at its deadline, whatever was sent before`() async throws {
        try await withProxy { proxy, url in
            let hasty = try configuration(url) { $0.confirmTimeout = .milliseconds(300) }
            try await withBroker(names.work()) { try await $0.warmUp(names) }
            try await withBroker(names.work(), hasty) { broker in
                proxy.hang()
                let patient = Promise<Void>()
                try broker.post([names.message(1)], patient, deadline: .now + .seconds(3_600))
                await #expect(throws: MessagingError.self) { try await broker.publish(names.message(2)) }
                #expect(!patient.isResolved)
                proxy.resume()
                try await patient.value()
            }
        }
    }
}
