import Contracts
import Foundation
import Logging
import Messaging
import TestSupport
import Testing

/// Uses a private server as its clients do, with the address that it gave.
enum Probe {
    /// Leaves something in the server that outlives it, or checks that it is still there.
    static func use(_ address: String, writing: Bool) async throws {
        if address.hasPrefix("postgres:") {
            try await usePostgreSQL(address, writing)
        } else {
            try await useRabbitMQ(address, writing)
        }
    }

    /// Waits until the queue's name is in the file where RabbitMQ's Raft library looks for it at its start.
    ///
    /// It is written half a second after the queue is declared (`names.dets`, Ra 2.2), whatever was confirmed before:
    /// a broker that is killed before has the queue, and nothing that was in it.
    static func waitUntilQueueIsOnDisk(_ directory: String) async throws {
        try await eventually("Ra has written the queue's name") {
            let files = FileManager.default.enumerator(atPath: directory + "/mnesia")?.compactMap { $0 as? String }
            return (files ?? []).filter { $0.hasSuffix("/names.dets") }.contains { file in
                let data = FileManager.default.contents(atPath: "\(directory)/mnesia/\(file)") ?? Data()
                return data.firstRange(of: Data("2F_kept".utf8)) != nil
            }
        }
    }

    private static func usePostgreSQL(_ address: String, _ writing: Bool) async throws {
        let statement = writing ? "CREATE TABLE kept AS SELECT 42 AS value" : "SELECT value FROM kept"
        let lines = try await CommandFailure.check(
            "/usr/bin/psql",
            [
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
                "--dbname=\(address)", "--command=\(statement)",
            ]
        )
        #expect(lines == (writing ? [] : ["42"]))
    }

    /// Declares the queue and does nothing with it.
    static func declare(_ address: String) async throws {
        let broker = MessageBroker(
            try configuration(address),
            topology: Topology(queues: [queue]),
            logger: Logger(label: "probe")
        )
        let life = Task { try await broker.run() }
        try await broker.waitUntilConnected(within: .seconds(120))
        life.cancel()
        _ = await life.result
    }

    private static func configuration(_ address: String) throws -> MessagingConfiguration {
        var configuration = try MessagingConfiguration(url: address)
        configuration.confirmTimeout = .seconds(300)
        return configuration
    }

    private static let queue = Queue("kept", .work(deliveryLimit: 5, deadLetterQueue: nil))

    private static func useRabbitMQ(_ address: String, _ writing: Bool) async throws {
        let broker = MessageBroker(
            try configuration(address),
            topology: Topology(queues: [queue]),
            logger: Logger(label: "probe")
        )
        let life = Task { try await broker.run() }
        defer { life.cancel() }
        if writing {
            let message = OutgoingMessage(exchange: "", routingKey: queue.name, body: [42], isMandatory: true)
            try await broker.publish(message)
        } else {
            let (bodies, arrival) = AsyncStream.makeStream(of: [UInt8].self)
            let consumer = Task {
                try await broker.consume(queue.name) { delivery in
                    arrival.yield(delivery.message.body)
                    delivery.acknowledge()
                }
            }
            let body = await bodies.first { _ in true }
            #expect(body == [42])
            consumer.cancel()
        }
        life.cancel()
        _ = await life.result
    }
}
