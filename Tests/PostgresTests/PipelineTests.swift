import Postgres
import TestSupport
import Testing

@Suite(.database) struct PipelineTests {
    @Test func `each statement's rows come back in order`() async throws {
        try await withClient { client in
            let results = try await client.withConnection { connection in
                try await connection.pipeline((0..<1000).map { number in "SELECT \(number)" as PostgresQuery })
            }
            let numbers = try results.map { rows in try rows[0].decode(Int.self, at: 0) }
            #expect(numbers == Array(0..<1000))
        }
    }

    @Test func `an error in the middle is located, undoes the whole pipeline, and leaves the connection usable`()
        async throws
    {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int PRIMARY KEY)")
            try await client.withConnection { connection in
                let error = await postgresError {
                    _ = try await connection.pipeline([
                        "INSERT INTO t VALUES (\(1))", "INSERT INTO t VALUES (\(1))", "INSERT INTO t VALUES (\(2))",
                    ])
                }
                guard case .server(let failure) = error else { throw NoRow() }
                #expect(failure.sqlState == .uniqueViolation)
                #expect(failure.pipelineIndex == 1)
                #expect(failure.constraint == "t_pkey")
                let count = try await connection.query("SELECT count(*) FROM t")
                #expect(try count[0].decode(Int.self) == 0)
            }
        }
    }

    @Test func `a pipeline whose requests and answers exceed every buffer does not block`() async throws {
        try await withClient { client in
            let body = [UInt8](repeating: 7, count: 200_000)
            let sizes = try await client.withConnection { connection in
                try await connection.pipeline((0..<100).map { _ in "SELECT \(body)" as PostgresQuery })
                    .map { rows in try rows[0].bytes(0)?.count }
            }
            #expect(sizes == [Int?](repeating: 200_000, count: 100))
        }
    }

    @Test func `a statement that cannot be parsed leaves those before it prepared`() async throws {
        try await withClient { client in
            try await client.withConnection { connection in
                let error = await postgresError {
                    _ = try await connection.pipeline(["SELECT 'first'", "SELEC 1", "SELECT 'third'"])
                }
                #expect(error?.sqlState == .syntaxError)
                let results = try await connection.pipeline(["SELECT 'third'", "SELECT 'first'"])
                let texts = try results.map { rows in try rows[0].decode(String.self) }
                #expect(texts == ["third", "first"])
            }
        }
    }

    @Test func `a COPY run as a query is an error and costs the connection only`() async throws {
        try await withClient { client in
            let error = await postgresError { _ = try await client.query("COPY (SELECT 1) TO STDOUT") }
            #expect(error != nil)
            try await client.ping()
        }
    }
}
