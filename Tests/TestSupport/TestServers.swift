import Foundation
import PrivateServers

/// The PostgreSQL and the RabbitMQ that all tests of a process share.
///
/// They are private servers that start when the first test asks and end with the process. With
/// `FULLSYNC_TEST_POSTGRES_URL` or `FULLSYNC_TEST_AMQP_URL` set, that server is used instead.
package enum TestServers {
    /// The address of the shared PostgreSQL, as its superuser, in a database of no test.
    ///
    /// Tests take a ``TestDatabase`` of their own.
    package static func postgres() async throws -> String {
        if let address = ProcessInfo.processInfo.environment["FULLSYNC_TEST_POSTGRES_URL"] { return address }
        return try await SharedServers.instance.postgres()
    }

    /// The address of the shared RabbitMQ, in the default virtual host.
    ///
    /// Tests that use the system's own exchange names take a ``TestVirtualHost``.
    package static func amqp() async throws -> String {
        if let address = ProcessInfo.processInfo.environment["FULLSYNC_TEST_AMQP_URL"] { return address }
        return try await SharedServers.instance.amqp()
    }

    /// The shared RabbitMQ itself; nil when the environment names another one.
    static func rabbitMQ() async throws -> PrivateRabbitMQ? {
        guard ProcessInfo.processInfo.environment["FULLSYNC_TEST_AMQP_URL"] == nil else { return nil }
        _ = try await amqp()
        return SharedServers.instance.rabbitMQ
    }
}

/// Starts each server once, whoever asks first.
private actor SharedServers {
    static let instance = SharedServers()

    let rabbitMQ: PrivateRabbitMQ
    private let postgreSQL: PrivatePostgreSQL
    private var postgresStart: Task<String, any Error>?
    private var amqpStart: Task<String, any Error>?

    private init() {
        let directory = TestDirectory.shared
        postgreSQL = PrivatePostgreSQL(.init(directory: directory + "/postgres", isDurable: false))
        rabbitMQ = PrivateRabbitMQ(.init(directory: directory + "/rabbitmq"))
    }

    func postgres() async throws -> String {
        let server = postgreSQL
        let start = postgresStart ?? Task { try await server.start { print("test servers: \($0)") } }
        postgresStart = start
        return try await start.value
    }

    func amqp() async throws -> String {
        let server = rabbitMQ
        let start = amqpStart ?? Task { try await server.start { print("test servers: \($0)") } }
        amqpStart = start
        return try await start.value
    }
}
