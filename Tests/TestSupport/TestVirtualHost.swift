import Foundation
import PrivateServers
package import Testing

/// A RabbitMQ virtual host of one test, with exchanges and queues that no other test sees.
///
/// ```swift
/// @Test(.virtualHost) func `a message arrives`() async throws {
///     let address = try TestVirtualHost.address
/// ```
package struct TestVirtualHost: Sendable {
    package let name: String
    /// `amqp://…/<name>`.
    package let address: String

    /// The address of the running test's virtual host.
    ///
    /// - Throws: ``MissingTrait`` when the test does not have the trait `.virtualHost`.
    package static var address: String {
        get throws {
            guard let current else { throw MissingTrait(name: ".virtualHost") }
            return current.address
        }
    }

    @TaskLocal static var current: TestVirtualHost?

    /// Makes one, which goes with its server.
    ///
    /// Only the private server can be asked for one: with `FULLSYNC_TEST_AMQP_URL` it is that address, shared.
    package static func create() async throws -> TestVirtualHost {
        let address = try await TestServers.amqp()
        guard let server = try await TestServers.rabbitMQ() else { return TestVirtualHost(name: "", address: address) }
        let name = "test-" + UUID().uuidString.lowercased()
        try await server.createVirtualHost(name)
        return TestVirtualHost(name: name, address: String(address.dropLast("%2F".count)) + name)
    }
}

extension PrivateRabbitMQ {
    /// Makes a virtual host that the server's user may do everything in; one that is there already is left as it is.
    ///
    /// - Parameter name: letters, digits and hyphens.
    fileprivate func createVirtualHost(_ name: String) async throws(PrivateServerError) {
        try await evaluate(
            """
            Known = rabbit_vhost:exists(<<"\(name)">>),
            ok = if Known -> ok; true -> rabbit_vhost:add(<<"\(name)">>, <<"\(user)">>) end,
            ok = rabbit_auth_backend_internal:set_permissions(
                <<"\(user)">>, <<"\(name)">>, <<".*">>, <<".*">>, <<".*">>, <<"\(user)">>).
            """
        )
    }
}

/// Gives each test a virtual host of its own: see ``TestVirtualHost``.
package struct VirtualHostTrait: TestTrait, SuiteTrait, TestScoping {
    /// Whether a suite hands it on to its tests.
    package var isRecursive: Bool { true }

    @concurrent package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let host = try await TestVirtualHost.create()
        try await TestVirtualHost.$current.withValue(host, operation: function)
    }
}

extension Trait where Self == VirtualHostTrait {
    /// A RabbitMQ virtual host for each test: see ``TestVirtualHost``.
    package static var virtualHost: VirtualHostTrait { VirtualHostTrait() }
}
