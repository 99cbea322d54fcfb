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

    /// The shared RabbitMQ by TLS, in the default virtual host, with the authority to trust.
    ///
    /// - Throws: ``NoPrivateServer`` when the environment names another broker.
    package static func secureAMQP() async throws -> String {
        guard let server = try await rabbitMQ() else { throw NoPrivateServer() }
        let address = try await server.secureAddress()
        guard let address else { throw NoPrivateServer() }
        return address
    }

    /// Has the shared RabbitMQ evaluate Erlang expressions, which is how a test gives it alarms, policies, and faults.
    ///
    /// - Throws: when one of them fails, and ``NoPrivateServer`` when the environment names another broker.
    package static func evaluateInRabbitMQ(_ expressions: String) async throws {
        guard let server = try await rabbitMQ() else { throw NoPrivateServer() }
        try await server.evaluate(expressions)
    }

    /// Whether the RabbitMQ is the tests' own, to be done with as they like.
    package static var hasPrivateRabbitMQ: Bool {
        ProcessInfo.processInfo.environment["FULLSYNC_TEST_AMQP_URL"] == nil
    }

    /// The shared RabbitMQ itself; nil when the environment names another one.
    static func rabbitMQ() async throws -> PrivateRabbitMQ? {
        guard hasPrivateRabbitMQ else { return nil }
        _ = try await amqp()
        return SharedServers.instance.rabbitMQ
    }
}

/// Only the tests' own server can be asked for that.
package struct NoPrivateServer: Error {}

/// Starts each server once, whoever asks first.
private actor SharedServers {
    static let instance = SharedServers()

    let rabbitMQ: PrivateRabbitMQ
    private let certificate: TestCertificate
    private let postgreSQL: PrivatePostgreSQL
    private var postgresStart: Task<String, any Error>?
    private var amqpStart: Task<String, any Error>?

    private init() {
        let directory = TestDirectory.shared
        let patience = Duration.seconds(600)
        postgreSQL = PrivatePostgreSQL(.init(directory: directory + "/postgres", patience: patience, isDurable: false))
        certificate = TestCertificate(directory: directory)
        rabbitMQ = PrivateRabbitMQ(
            .init(directory: directory + "/rabbitmq", tls: certificate.files, patience: patience)
        )
    }

    func postgres() async throws -> String {
        let server = postgreSQL
        let start = postgresStart ?? Task { try await server.start { print("test servers: \($0)") } }
        postgresStart = start
        return try await start.value
    }

    func amqp() async throws -> String {
        let start =
            amqpStart
            ?? Task { [rabbitMQ, certificate] in
                try await certificate.make()
                return try await rabbitMQ.start { print("test servers: \($0)") }
            }
        amqpStart = start
        return try await start.value
    }
}
