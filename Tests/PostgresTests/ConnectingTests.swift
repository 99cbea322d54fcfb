import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@Suite struct ConnectingTests {
    private static let secret = "p@ss/w?rd-hunter2"

    /// Every text that an error could show.
    private func texts(_ error: PostgresError?) -> [String] {
        guard let error else { return ["no error"] }
        var dumped = ""
        dump(error, to: &dumped)
        return ["\(error)", String(reflecting: error), error.localizedDescription, dumped]
    }

    private func connect(_ url: String) async -> PostgresError? {
        await postgresError {
            var configuration = try PostgresConfiguration(url: url)
            configuration.connectTimeout = .seconds(60)
            configuration.acquireTimeout = .milliseconds(200)
            let client = PostgresClient(configuration, logger: Logger(label: "test"))
            _ = try await client.query("SELECT 1")
        }
    }

    @Test(arguments: [
        "", "hunter2", "host=x password=hunter2", "mysql://u:hunter2@h/d", "postgres://u:hun/ter2@h/d",
        "postgres://u:hunter2@x@h/d", "postgres://u:hunter2@h:port/d",
        "postgres://u:hunter2@h/d?sslmod=hunter2", "postgres://u:hunter2@[::1/d", "postgres://u:hunter2%zz@h/d",
    ])
    func `what is not a URL is refused without being shown`(url: String) {
        do throws(PostgresError) {
            _ = try PostgresConfiguration(url: url)
            Issue.record("accepted")
        } catch {
            guard case .invalidConfiguration = error else {
                Issue.record("\(error)")
                return
            }
            for text in texts(error) { #expect(!text.contains("hunter2") && !text.contains("ter2")) }
        }
    }

    @Test(.database) func `a wrong password is an error at once, which does not show it`() async throws {
        var url = try #require(URLComponents(string: try TestDatabase.address))
        url.password = Self.secret
        let error = await connect(try #require(url.string))
        #expect(error?.sqlState == .invalidPassword)
        for text in texts(error) { #expect(!text.contains("hunter2")) }
    }

    @Test(.database) func `an unknown database is an error at once`() async throws {
        var url = try #require(URLComponents(string: try TestDatabase.address))
        url.path = "/no_such_database"
        let error = await connect(try #require(url.string))
        #expect(error?.sqlState == .unknownDatabase)
    }

    @Test func `a host that is not there is unavailable, and the password is not shown`() async throws {
        for address in ["127.0.0.1:1", "no-such-host.invalid"] {
            let error = await connect("postgresql://user:hunter2@\(address)/db")
            #expect(error?.isUnavailable == true)
            for text in texts(error) { #expect(!text.contains("hunter2")) }
        }
    }

    @Test func `TLS that is asked for and not there is refused`() async throws {
        let server = try await TestServers.postgres()
        let error = await connect(server + "?sslmode=require")
        guard case .connectionFailed(let reason, _) = error else { throw NoRow() }
        #expect(reason.contains("SSL"))
        let file = await connect(server + "?sslmode=verify-full&sslrootcert=/no/such/file")
        guard case .connectionFailed = file else { throw NoRow() }
    }

    @Test func `a configuration shows no password`() throws {
        let configuration = try PostgresConfiguration(url: "postgresql://user:hunter2@host:5/db?sslmode=disable")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(configuration)".contains("host=host port=5 dbname=db user=user"))
    }

    @Test(.database) func `a server that accepts and says nothing is given up after the time-out`() async throws {
        let silent = try SilentServer()
        var configuration = try PostgresConfiguration(
            url: "postgresql://u:p@127.0.0.1:\(silent.port)/d?sslmode=disable"
        )
        configuration.connectTimeout = .milliseconds(50)
        configuration.acquireTimeout = .milliseconds(60)
        let client = PostgresClient(configuration, logger: Logger(label: "test"))
        #expect(await postgresError { try await client.ping() } == .timedOut(.connect))
        await client.close()
    }

    @Test(.database) func `the search path and the name are the session's, spaces included`() async throws {
        try await withClient(.set(\.searchPath, "one, \"two three\""), .set(\.applicationName, "a name")) { client in
            try await expect(client.one("SHOW search_path", as: String.self), equals: "one, \"two three\"")
            try await expect(client.one("SHOW application_name", as: String.self), equals: "a name")
            try await client.withConnection { try await $0.execute("DISCARD ALL") }
            try await expect(client.one("SHOW search_path", as: String.self), equals: "one, \"two three\"")
        }
    }
}
