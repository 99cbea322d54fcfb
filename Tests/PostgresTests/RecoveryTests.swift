import Foundation
import Logging
import Postgres
import PrivateServers
import TestSupport
import Testing

@Suite struct RecoveryTests {
    @Test(.database) func `connections whose backends were terminated are replaced in silence`() async throws {
        try await withClient(.set(\.maximumConnections, 4)) { client in
            try await withClient { other in
                for _ in 0..<20 {
                    // Several are open at once, so that several die.
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<4 { group.addTask { try await client.execute("SELECT pg_sleep(0.001)") } }
                        try await group.waitForAll()
                    }
                    try await other.execute(
                        """
                        SELECT pg_terminate_backend(pid, 300000) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()
                        """
                    )
                    try await expect(client.one("SELECT 1::int8", as: Int.self), equals: 1)
                }
            }
        }
    }

    @Test(.database) func `a statement whose backend dies fails, a transaction runs again`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int)")
            let error = await postgresError {
                _ = try await client.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)")
            }
            guard case .connectionLost = error else { throw NoRow() }
            let attempts = Counter()
            try await client.transaction { connection in
                attempts.increment()
                try await connection.execute("INSERT INTO t VALUES (1)")
                if attempts.value < 3 {
                    _ = try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            #expect(attempts.value == 3)
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 1)
        }
    }

    @Test func `a restart of the server is waited for`() async throws {
        let directory = TestDirectory.make("restart")
        let server = PrivatePostgreSQL(.init(directory: directory, patience: .seconds(600), isDurable: false))
        let url = try await server.start { _ in }
        var configuration = try PostgresConfiguration(url: url)
        configuration.acquireTimeout = .seconds(600)
        let client = PostgresClient(configuration, logger: Logger(label: "test"))
        try await client.execute("CREATE TABLE t (id int)")
        await server.stop()

        #expect(await postgresError { try await client.ping() }?.isUnavailable == true)
        async let waiting = client.execute("INSERT INTO t VALUES (1)")
        _ = try await server.start { _ in }
        try await expect(waiting, equals: 1)
        await client.close()
        await server.stop()
    }

    @Test(.database) func `a closed pool says so, and ends those who wait`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            try await client.withConnection { connection in
                let waiting = Task { await postgresError { try await client.ping() } }
                await Task.yield()
                await client.close()
                #expect(await waiting.value == .closed)
                _ = try await connection.query("SELECT 1")
            }
            #expect(await postgresError { try await client.ping() } == .closed)
        }
    }

    @Test(.database) func `an abandoned stream or COPY leaves the connection usable`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            let process = try await client.withConnection { try await $0.backendProcessID }
            for _ in 0..<5 {
                try await client.withConnection { connection in
                    for try await _ in try await connection.stream("SELECT generate_series(1, 1000000)") { break }
                    try await expect(connection.query("SELECT 1::int8")[0].decode(Int.self), equals: 1)
                    for try await _ in try await connection.copyOut(
                        "COPY (SELECT generate_series(1, 1000000)) TO STDOUT"
                    ) {
                        break
                    }
                }
            }
            try await expect(client.withConnection { try await $0.backendProcessID }, equals: process)
        }
    }

    @Test(.database) func `a stream that the connection was taken from does not read another's rows`() async throws {
        try await withClient { client in
            try await client.withConnection { connection in
                var old = try await connection.stream("SELECT generate_series(1, 1000)").makeAsyncIterator()
                _ = try await old.next()
                var new = try await connection.stream("SELECT 'x'").makeAsyncIterator()
                let error = await postgresError {
                    var old = old
                    while try await old.next() != nil {}
                }
                guard case .misuse = error else { throw NoRow() }
                let row = try #require(try await new.next())
                #expect(try row.decode(String.self) == "x")
                let isAtEnd = try await new.next() == nil
                #expect(isAtEnd)
            }
        }
    }
}
