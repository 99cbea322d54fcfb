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

    private func connect(_ url: String, within time: Duration = .seconds(60)) async -> PostgresError? {
        await postgresError {
            var configuration = try PostgresConfiguration(url: url)
            configuration.connectTimeout = time
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

    /// The address of the test's database with something else in its host's place.
    private func address(_ hosts: (_ port: Int) -> String, _ parameters: String = "") throws -> String {
        let url = try #require(URLComponents(string: try TestDatabase.address))
        let user = "\(url.percentEncodedUser ?? ""):\(url.percentEncodedPassword ?? "")"
        return "postgresql://\(user)@\(hosts(try #require(url.port)))\(url.path)?\(parameters)"
    }

    /// Where the client of that address is connected to, with little time for each attempt and much for all.
    private func serverPort(_ url: String) async throws -> Int {
        var configuration = try PostgresConfiguration(url: url)
        configuration.connectTimeout = .seconds(2)
        configuration.acquireTimeout = .seconds(120)
        let client = PostgresClient(configuration, logger: Logger(label: "test"))
        return try await attempt {
            try await client.one("SELECT inet_server_port()", as: Int.self)
        } finally: {
            await client.close()
        }
    }

    @Test(.database, arguments: ["", "target_session_attrs=read-write", "target_session_attrs=prefer-standby"])
    func `a host that says nothing leaves the next one its share of the time`(parameters: String) async throws {
        let silent = try SilentServer()
        let url = try address({ "127.0.0.1:\(silent.port),127.0.0.1:\($0)" }, parameters)
        _ = try await serverPort(url)
        #expect(silent.connectionCount > 0)
    }

    @Test(.database) func `an address that says nothing leaves the next one of its host its share`() async throws {
        let name = "no-such-host.invalid"
        let port = try #require(URLComponents(string: try TestDatabase.address)?.port)
        let silent = try SilentServer.beside(port)
        let url = try address({ "\(name):\($0),\(name):\($0)" }, "hostaddr=\(silent.address),127.0.0.1")
        try await expect(serverPort(url), equals: port)
        #expect(silent.connectionCount > 0)
    }

    @Test(.database) func `hosts that are not there or have no address are passed over`() async throws {
        let url = try address { "no-such-host.invalid:\($0),127.0.0.1:1,localhost:\($0)" }
        _ = try await serverPort(url)
    }

    @Test(.database) func `a server that is not what is wanted is taken only when any will do`() async throws {
        let hosts = { (port: Int) in "127.0.0.1:1,127.0.0.1:\(port)" }
        for wanted in ["any", "primary", "prefer-standby"] {
            _ = try await serverPort(try address(hosts, "target_session_attrs=\(wanted)"))
        }
        for unwanted in ["standby", "read-only"] {
            let error = await connect(try address(hosts, "target_session_attrs=\(unwanted)"))
            #expect(error?.isUnavailable == true)
        }
    }

    @Test(.database) func `a wrong password is not tried at the next host`() async throws {
        let silent = try SilentServer()
        var url = try #require(URLComponents(string: try address { "127.0.0.1:\($0)" }))
        url.password = Self.secret
        let two = try #require(url.string).replacing("/test_", with: ",127.0.0.1:\(silent.port)/test_")
        #expect(await connect(two, within: .seconds(120))?.sqlState == .invalidPassword)
        #expect(silent.connectionCount == 0)
    }

    @Test(.database) func `the words about all hosts are there, and hosts and ports must fit together`() async throws {
        let error = await connect("postgresql://u:p@127.0.0.1:1,127.0.0.1:2/d")
        guard case .connectionFailed(let reason, nil)? = error else { throw NoRow() }
        #expect(reason.contains("port 1 ") && reason.contains("port 2 "))
        let misfit = await connect("postgresql://u:p@127.0.0.1:1,127.0.0.1:2/d?hostaddr=127.0.0.1")
        guard case .connectionFailed(let words, nil)? = misfit else { throw NoRow() }
        #expect(words.contains("could not match"))
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
