import Contracts
import Synchronization
import TestMessaging
import TestSupport
import Testing

@testable import Messaging

/// A consumer that takes no more must not be what messages are delivered to and given back by, again and again, until
/// they have used up their deliveries.
@Suite(.virtualHost, .timeLimit(.minutes(10))) struct StoppedConsumerTests {
    let names = Names()

    @Test func `one that is stopped while the connection is away is not set up when it is back`() async throws {
        let topology = names.work(deliveryLimit: 1_000_000)
        let (begun, gate) = (Gate(), Gate())
        try await withProxy { proxy, url in
            let patient = try configuration(url) { $0.handlerGracePeriod = .seconds(100) }
            try await withBroker(topology) { other in
                try await other.publish(names.message(1))
                try await withBroker(topology, patient) { broker in
                    let consumer = Task {
                        try await broker.consume(names.queue) { delivery in
                            begun.open()
                            await gate.wait()
                            delivery.acknowledge()
                        }
                    }
                    await begun.wait()
                    proxy.refuse()
                    consumer.cancel()
                    try await eventually("it takes no more") {
                        broker.lifecycle.withLock { $0.consumers.values.allSatisfy(\.isEnded) }
                    }
                    proxy.admit()
                    // What is to be set up on a connection is, before it answers.
                    try await eventually("the connections answer") { (try? await broker.ping()) != nil }
                    try await other.publishAll((2...100).map(names.message))
                    let taken = try await other.take(100, from: names.queue)
                    // The first one had been delivered before.
                    #expect(taken.allSatisfy { $0.deliveryCount <= ($0.text == "1" ? 1 : 0) })
                    gate.open()
                    try await consumer.value
                }
            }
        }
    }

    @Test func `one that ends under its connection gives back once what was on its way`() async throws {
        let topology = names.work(deliveryLimit: 1_000_000)
        try await withBroker(topology) { other in
            try await withBroker(topology) { broker in
                let inbox = inbox()
                broker.consuming.start(inbox)
                try await inbox.whenActive().value()
                // Nobody says so to the connection, which finds it out by itself.
                _ = inbox.end()
                try await other.publishAll((0..<100).map(names.message))
                let taken = try await other.take(100, from: names.queue)
                #expect(taken.allSatisfy { $0.deliveryCount <= 1 })
                await broker.consuming.remove(inbox)
            }
        }
    }

    @Test func `one that ends before it is set up is not set up`() async throws {
        let topology = names.work(deliveryLimit: 1_000_000)
        try await withBroker(topology) { broker in
            let inbox = inbox()
            _ = inbox.end()
            broker.consuming.start(inbox)
            try await broker.ping(within: .seconds(120))
            #expect(!inbox.wasEverActive)
            try await broker.publishAll((0..<100).map(names.message))
            let taken = try await broker.take(100, from: names.queue)
            #expect(taken.allSatisfy { $0.deliveryCount == 0 })
            await broker.consuming.remove(inbox)
        }
    }

    /// One that no handler takes from, and whose number no other has.
    private func inbox() -> ConsumerInbox {
        ConsumerInbox(
            id: .max,
            queue: names.work().queues[1],
            isDeclared: false,
            prefetch: 10,
            maximumOversize: 0
        )
    }
}
