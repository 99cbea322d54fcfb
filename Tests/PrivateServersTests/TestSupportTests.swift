import PrivateServers
import TestSupport
import Testing

/// What the other tests stand on.
@Suite struct TestSupportTests {
    @Test(.database) func `a test has a database of its own`() async throws {
        let address = try TestDatabase.address
        let name = try #require(address.split(separator: "/").last)
        let lines = try await CommandFailure.check(
            "/usr/bin/psql",
            [
                "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=\(address)",
                "--command=SELECT current_database()",
            ]
        )
        #expect(lines == [String(name)])
    }

    @Test(.virtualHost) func `a test has a virtual host of its own`() async throws {
        let shared = try await TestServers.amqp()
        #expect(try TestVirtualHost.address != shared)
    }
}
