import JSON
import PrivateServers
import TestSupport
import Testing

/// The supervisor with the private servers that it starts itself.
@Suite struct PrivateServersInSystemTests {
    @Test func `the servers are started, kept at their addresses, and stopped`() async throws {
        let system = try await FakeSystem(hasServers: true)
        let start = try await system.fullsync("start")
        #expect(start.status == .code(0), "\(start.output)")
        let postgres = try #require(try system.endpoints()["postgres"]?.stringValue)
        #expect(try system.endpoints()["amqp"]?.stringValue?.hasPrefix("amqp://fullsync:") == true)
        let before = try #require(
            TextFile.firstLine(of: system.home + "/postgres/process").flatMap { ProcessIdentity($0) }
        )
        before.send(.kill)
        try await eventually("PostgreSQL runs again at its address") {
            let statement = ["--no-psqlrc", "--quiet", "--dbname=\(postgres)", "--command=SELECT 1"]
            return (try? await CommandFailure.check("/usr/bin/psql", statement)) != nil
        }
        try await system.expectReady()
        #expect(try await system.fullsync("stop").status == .code(0))
        try await system.expectNothingRuns()
    }

    @Test(.enabled(if: Account.isRoot, "Everybody but root runs all tests as an ordinary user."))
    func `an ordinary user's system runs too`() async throws {
        let nobody = try #require(Account.named("nobody"))
        let system = try await FakeSystem(hasServers: true, account: nobody)
        let start = try await system.fullsync("start")
        #expect(start.status == .code(0), "\(start.output)")
        try await system.expectReady()
        #expect(try await system.fullsync("stop").status == .code(0))
        try await system.expectNothingRuns()
    }
}
