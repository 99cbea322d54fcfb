import Postgres
import TestSupport
import Testing

@Suite(.database) struct KeepingTests {
    private struct Refusal: Error {}

    private static func backend(_ client: PostgresClient) async throws -> Int32 {
        try await client.one("SELECT pg_backend_pid()", as: Int32.self)
    }

    @Test func `statements and transactions of a body run on one connection, and each is committed`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int)")
            let backends = try await client.keepingConnection {
                try await client.execute("INSERT INTO t VALUES (1)")
                let inside = try await client.transaction { connection in try await connection.backendProcessID }
                let nested = try await client.keepingConnection { try await Self.backend(client) }
                return [try await Self.backend(client), inside, nested]
            }
            #expect(Set(backends).count == 1)
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 1)
        }
    }

    @Test func `another client's statements keep to their own pool`() async throws {
        try await withClient { first in
            try await withClient { second in
                let backends = try await first.keepingConnection {
                    [try await Self.backend(first), try await Self.backend(second)]
                }
                #expect(Set(backends).count == 2)
            }
        }
    }

    @Test func `a statement within a transaction of the body has a connection of its own`() async throws {
        try await withClient { client in
            let backends = try await client.keepingConnection {
                try await client.transaction { connection in
                    [try await connection.backendProcessID, try await Self.backend(client)]
                }
            }
            #expect(Set(backends).count == 2)
        }
    }

    @Test func `a connection is given back, whether the body returns or throws`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            try await client.keepingConnection { try await client.ping() }
            await #expect(throws: Refusal.self) { try await client.keepingConnection { throw Refusal() } }
            try await client.ping()
        }
    }

    @Test func `a connection that breaks is replaced by another one for the rest of the body`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            let backends = try await client.keepingConnection {
                let broken = try await Self.backend(client)
                _ = try await withClient { try await $0.execute("SELECT pg_terminate_backend(\(broken))") }
                // What was under way when the server ended the connection is not tried again.
                let error = await postgresError { try await client.ping() }
                #expect(error?.isUnavailable ?? true)
                return [broken, try await Self.backend(client)]
            }
            #expect(Set(backends).count == 2)
            try await client.ping()
        }
    }

    @Test func `what outlives the body does not use its connection`() async throws {
        try await withClient { client in
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let task = try await client.keepingConnection {
                try await client.ping()
                return Task {
                    for await _ in stream {}
                    return try await Self.backend(client)
                }
            }
            try await client.withConnection { connection in
                continuation.finish()
                let backend = try await task.value
                #expect(try await backend != connection.backendProcessID)
            }
        }
    }
}
