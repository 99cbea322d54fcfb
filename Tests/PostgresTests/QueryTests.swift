import Postgres
import TestSupport
import Testing

@Suite struct QueryTests {
    @Test func `an interpolated value never becomes part of the text`() {
        let id = "x'; DROP TABLE documents; --"
        let query: PostgresQuery = "SELECT \(id) FROM \(identifier: "a\"b") WHERE \(unescaped: "seq") > \(5)"
        #expect(query.sql == "SELECT $1 FROM \"a\"\"b\" WHERE seq > $2")
        #expect(query.description == query.sql)
        #expect("\(String(reflecting: query))".contains("DROP") == false)
    }

    @Test func `a quotation mark in a name is doubled whatever stands behind it`() {
        let name = "a\"\u{301}b"
        #expect(PostgresQuery.quoted(identifier: name).utf8.elementsEqual("\"a\"\"\u{301}b\"".utf8))
    }

    @Test func `a fragment's placeholders are numbered anew, and text like them is left alone`() {
        let fragment: PostgresQuery = "a = \(1) AND b = '$1' AND c = \(2)"
        let query: PostgresQuery = "SELECT \(0) WHERE \(fragment: fragment) OR \(fragment: fragment)"
        #expect(query.sql == "SELECT $1 WHERE a = $2 AND b = '$1' AND c = $3 OR a = $4 AND b = '$1' AND c = $5")
    }

    @Test(.database) func `a query of fragments runs with its values in order`() async throws {
        try await withClient { client in
            var query: PostgresQuery = "SELECT \("a") || \("b")"
            for letter in ["c", "d", "e", "f", "g", "h", "i", "j", "k"] {
                query.append(" || \(letter)" as PostgresQuery)
            }
            try await expect(client.one(query, as: String.self), equals: "abcdefghijk")
        }
    }

    @Test(.database) func `too many parameters and too many statements are refused before they are sent`() async throws
    {
        try await withClient { client in
            var query: PostgresQuery = "SELECT 1 WHERE 1 IN (0"
            for number in 0..<65_536 { query.append(", \(number)" as PostgresQuery) }
            query.append(unescaped: ")")
            let tooLong = query
            await #expect(throws: PostgresError.limitExceeded("65536 parameters; the limit is 65535")) {
                try await client.query(tooLong)
            }
            let many = [PostgresQuery](repeating: "SELECT 1", count: 10_001)
            let error = await postgresError { _ = try await client.withConnection { try await $0.pipeline(many) } }
            #expect(error == .limitExceeded("a pipeline of 10001 statements; the limit is 10000"))
            try await client.ping()
        }
    }

    @Test(.database) func `a prepared statement survives DISCARD ALL, DEALLOCATE and a changed table`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (a int)")
            try await client.withConnection { connection in
                for statement: PostgresQuery in ["DISCARD ALL", "DEALLOCATE ALL", "ALTER TABLE t ADD COLUMN b int"] {
                    _ = try await connection.query("SELECT * FROM t WHERE a > \(1)")
                    try await connection.execute(statement)
                    _ = try await connection.query("SELECT * FROM t WHERE a > \(1)")
                }
                // Behind this module's back, so that only the server's error tells.
                try await connection.run(script: "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
                _ = try await connection.query("SELECT * FROM t WHERE a > \(1)")
            }
        }
    }

    @Test(.database) func `a transaction whose prepared statement became stale is run again`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            try await client.execute("CREATE TABLE t (a int)")
            try await client.execute("INSERT INTO t VALUES (1)")
            _ = try await client.query("SELECT * FROM t")
            try await client.execute("ALTER TABLE t ADD COLUMN b int NOT NULL DEFAULT 2")
            let attempts = Counter()
            let values = try await client.transaction { connection in
                attempts.increment()
                return try await connection.query("SELECT * FROM t").map { try $0.decode(Int.self, at: 1) }
            }
            #expect(values == [2])
            #expect(attempts.value == 2)
        }
    }

    @Test(.database) func `the number of prepared statements at the server stays bounded`() async throws {
        try await withClient(.set(\.maximumPreparedStatements, 20)) { client in
            try await client.withConnection { connection in
                for number in 0..<200 {
                    _ = try await connection.query("SELECT \(unescaped: String(number % 60)) AS a")
                }
                let rows = try await connection.query("SELECT count(*) FROM pg_prepared_statements")
                #expect(try rows[0].decode(Int.self) <= 24)
            }
        }
    }
}
