import ODBC
import TestSupport
import Testing

@testable import ODBC

@Suite struct ODBCClientTests {
    @Test(arguments: ODBCServer.allCases)
    func `values come back as they went`(server: ODBCServer) async throws {
        let client = try await server.client()
        let long = String(repeating: "dé𝄞", count: 20_000)
        let text = server == .mariaDB ? "LONGTEXT" : "TEXT"
        try await client.run("CREATE TABLE t (a BIGINT, b \(text), c DOUBLE, d DECIMAL(20,4))")
        for row in [
            [.integer(.max), .text(long), .double(0.1), .integer(2)], [.null, .text(""), .double(-1e300), .null],
        ] as [[ODBCParameter]] {
            try await client.run("INSERT INTO t VALUES (?, ?, ?, ?)", row)
        }
        let result = try #require(try await client.run("SELECT a, b, c FROM t ORDER BY c DESC").first)
        #expect(result.columns == ["a", "b", "c"])
        #expect(
            result.rows == [
                [.number("9223372036854775807"), .text(long), .double(0.1)], [.null, .text(""), .double(-1e300)],
            ]
        )
        await client.close()
    }

    @Test func `decimals are exact, and bytes and times are what they are`() async throws {
        let client = try await ODBCServer.mariaDB.client()
        try await client.run(
            "CREATE TABLE t (a DECIMAL(30,10), b VARBINARY(9), c DATETIME(6), d DATE, e TIME, f BIT(1), g JSON)"
        )
        try await client.run(
            "INSERT INTO t VALUES (?, x'00ff10', ?, ?, ?, 1, ?)",
            [
                .decimal("-12345678901234567890.0123456789"), .text("2026-11-26 18:00:00.250000"),
                .text("2026-02-03"), .text("23:59:01"), .text(#"{"a":1}"#),
            ]
        )
        let result = try #require(try await client.run("SELECT * FROM t").first)
        #expect(
            result.rows == [
                [
                    .number("-12345678901234567890.0123456789"), .binary([0, 255, 16]), .text("2026-11-26T18:00:00.25"),
                    .text("2026-02-03"), .text("23:59:01"), .bool(true), .text(#"{"a":1}"#),
                ]
            ]
        )
        await client.close()
    }

    @Test func `a procedure gives several results`() async throws {
        let client = try await ODBCServer.mariaDB.client()
        try await client.run("CREATE TABLE t (a INT)")
        try await client.run(
            "CREATE PROCEDURE p(IN n INT) BEGIN SELECT n AS one; INSERT INTO t VALUES (n), (n); SELECT n + 1 AS two; END"
        )
        let results = try await client.run("CALL p(?)", [.integer(5)])
        #expect(results.map(\.columns).filter { !$0.isEmpty } == [["one"], ["two"]])
        #expect(results.flatMap(\.rows) == [[.number("5")], [.number("6")]])
        await client.close()
    }

    @Test(arguments: ODBCServer.allCases)
    func `a transaction happens as a whole or not at all`(server: ODBCServer) async throws {
        let client = try await server.client()
        try await client.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        let insert = { (number: Int64) in ODBCStatement("INSERT INTO t VALUES (?)", [.integer(number)]) }
        let error = await #expect(throws: ODBCError.self) {
            try await client.run(transaction: [insert(1), insert(2), insert(1)])
        }
        guard case .server(let diagnostic, statement: 2)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(diagnostic.sqlState.count == 5)
        #expect(try await client.run("SELECT a FROM t").first?.rows == [])
        let results = try await client.run(transaction: [insert(1), insert(2)])
        #expect(results.map { $0.map(\.affected) } == [[1], [1]])
        #expect(try await client.run("SELECT a FROM t").first?.rows.count == 2)
        // The connection is as it was: statements stand for themselves again.
        try await client.run("INSERT INTO t VALUES (3)")
        #expect(try await client.run("SELECT a FROM t").first?.rows.count == 3)
        await client.close()
    }

    @Test(arguments: ODBCServer.allCases)
    func `a statement that takes too long is cancelled there`(server: ODBCServer) async throws {
        let client = try await server.client()
        // So that the time is the statement's: connecting has its share of it, and an error of its own.
        try await client.run("SELECT 1")
        await #expect(throws: ODBCError.timedOut) {
            try await client.run(server.endless, within: .seconds(3))
        }
        if server == .mariaDB {
            try await eventually("the server runs it no more") {
                let rows = try await client.run(
                    "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%sequence_of%' AND id <> CONNECTION_ID()"
                )
                return rows.first?.rows.isEmpty ?? false
            }
        }
        #expect(try await client.run("SELECT 1").first?.rows.count == 1)
        await client.close()
    }

    @Test(arguments: ODBCServer.allCases)
    func `a cancelled task cancels its statement`(server: ODBCServer) async throws {
        let client = try await server.client()
        let task = Task { try await client.run(server.endless) }
        task.cancel()
        await #expect(throws: ODBCError.cancelled) { _ = try await task.value }
        await client.close()
    }

    @Test(arguments: ODBCServer.allCases)
    func `rows and bytes have limits`(server: ODBCServer) async throws {
        let client = try await server.client()
        let many = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"
        await #expect(throws: ODBCError.limitExceeded(.rows)) {
            try await client.run(many, limits: ODBCLimits(rows: 2, bytes: 1_000))
        }
        #expect(try await client.run(many, limits: ODBCLimits(rows: 3, bytes: 1_000)).first?.rows.count == 3)
        let long = ODBCParameter.text(String(repeating: "x", count: 50_000))
        await #expect(throws: ODBCError.limitExceeded(.bytes)) {
            try await client.run("SELECT ?", [long], limits: ODBCLimits(rows: 1, bytes: 60_000))
        }
        await client.close()
    }

    @Test func `connections are kept, and one that the server has ended is replaced`() async throws {
        let server = try await TestMariaDB.shared()
        let client = try await ODBCServer.mariaDB.client()
        let id = { try await client.run("SELECT CONNECTION_ID()").first?.rows.first?.first }
        let first = try #require(try await id())
        #expect(try await id() == first)
        #expect(client.idleCount == 1)
        guard case .number(let number) = first else { return }
        try await server.run("KILL \(number)")
        #expect(try await id() != first)
        await client.close()
        await #expect(throws: ODBCError.closed) { try await id() }
    }

    @Test func `kept connections whose server says nothing more cost a call one check, and not its time`() async throws
    {
        let proxy = try SilencingProxy(to: try await TestMariaDB.shared().port)
        var place = try await ODBCServer.mariaDB.connectionString()
        place["PORT"] = String(proxy.port)
        let client = ODBCClient(place, maximumIdle: 4, connectTimeout: .seconds(60))
        // Each waits at the server until there are three of them.
        let together = """
            BEGIN NOT ATOMIC
              WHILE (SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()) < 3 DO
                DO SLEEP(0.01);
              END WHILE;
            END
            """
        try await withThrowingTaskGroup { group in
            for _ in 0..<3 { group.addTask { _ = try await client.run(together) } }
            try await group.waitForAll()
        }
        #expect(client.idleCount == 3)
        proxy.silence()
        // The time is enough for a check and for a new connection, and no check may have all of it.
        #expect(try await client.run("SELECT 1").first?.rows == [[.number("1")]])
        #expect(client.idleCount == 1)
        #expect(proxy.connectionCount == 4)
        proxy.close()
        await client.close()
    }

    @Test func `a call whose time is over makes no connection`() async throws {
        let proxy = try SilencingProxy(to: try await TestMariaDB.shared().port)
        var place = try await ODBCServer.mariaDB.connectionString()
        place["PORT"] = String(proxy.port)
        let client = ODBCClient(place, maximumIdle: 4, connectTimeout: .seconds(60))
        try await client.run("SELECT 1")
        proxy.silence()
        await #expect(throws: ODBCError.connectTimedOut) { try await client.run("SELECT 1", within: .zero) }
        #expect(proxy.connectionCount == 1)
        #expect(client.idleCount == 0)
        proxy.close()
        await client.close()
    }

    @Test func `a connection that was not used for long is ended at the server, too`() async throws {
        let place = try await ODBCServer.mariaDB.connectionString()
        let client = ODBCClient(place, maximumIdle: 4, idleTime: .zero)
        let id = { try await client.run("SELECT CONNECTION_ID()").first?.rows.first?.first }
        guard case .number(let number)? = try await id() else { throw ODBCError.closed }
        #expect(try await id() != .number(number))
        try await eventually("the server has ended the first") {
            let sql = "SELECT 1 FROM information_schema.processlist WHERE id = \(number)"
            return try await client.run(sql).first?.rows.isEmpty ?? false
        }
        await client.close()
    }

    @Test func `an isolation level is one transaction's own`() async throws {
        let client = try await ODBCServer.mariaDB.client()
        let level = ODBCStatement("SELECT CONNECTION_ID(), @@tx_isolation")
        let standard = try await client.run(level.sql).first?.rows
        let strict = try await client.run(transaction: [level], .serializable).first?.first?.rows
        #expect(strict?.first?.first == standard?.first?.first)
        #expect(strict?.first?.last == .text("SERIALIZABLE"))
        #expect(try await client.run(level.sql).first?.rows == standard)
        await client.close()
    }

    @Test func `a cancel request that comes late does not end the next list of statements`() async {
        let canceller = ODBCCanceller()
        let (first, second) = (canceller.begin(), canceller.begin())
        await canceller.cancelNow(first)
        #expect(!canceller.isCancelled)
        await canceller.cancelNow(second)
        #expect(canceller.isCancelled)
    }

    @Test func `a statement that fails after it was run says that it may have had its effect`() async throws {
        let client = try await ODBCServer.mariaDB.client()
        try await client.run("CREATE TABLE t (a INT PRIMARY KEY) ENGINE InnoDB")
        try await client.run(
            "CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); SELECT 1; INSERT INTO t VALUES (1); END"
        )
        let error = await #expect(throws: ODBCError.self) { try await client.run("CALL p()") }
        guard case .failedLater? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await client.run("SELECT a FROM t").first?.rows.count == 1)
        await client.close()
    }

    @Test func `what is refused at connecting says so`() async throws {
        let server = try await TestMariaDB.shared()
        var place = try await ODBCServer.mariaDB.connectionString()
        place["PWD"] = "wrong"
        let refused = ODBCClient(place, maximumIdle: 1)
        let error = await #expect(throws: ODBCError.self) { try await refused.run("SELECT 1") }
        guard case .connectionFailed(let diagnostic)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(diagnostic.nativeCode == 1_045)
        place["DRIVER"] = "No such driver"
        let missing = ODBCClient(place, maximumIdle: 1)
        await #expect(throws: ODBCError.self) { try await missing.run("SELECT 1") }
        _ = server
    }

    @Test func `descriptions show no value`() {
        var string = ODBCConnectionString(driver: "MariaDB Unicode")
        string["PWD"] = "s3cret;}{"
        #expect(string.text == "DRIVER=MariaDB Unicode;PWD={s3cret;}}{};")
        #expect(!"\(string)".contains("s3cret"))
        #expect(!String(reflecting: string).contains("s3cret"))
        #expect(!String(reflecting: ODBCStatement("SELECT ?", [.text("s3cret")])).contains("s3cret"))
    }
}

/// The databases that the wrapper is tested with.
enum ODBCServer: CaseIterable {
    case mariaDB
    case sqlite

    func connectionString() async throws -> ODBCConnectionString {
        switch self {
        case .mariaDB:
            let server = try await TestMariaDB.shared()
            var string = ODBCConnectionString(driver: "MariaDB Unicode")
            string["SERVER"] = "127.0.0.1"
            string["PORT"] = String(server.port)
            string["DATABASE"] = try await server.makeDatabase()
            string["UID"] = server.user
            string["PWD"] = server.password
            string["CHARSET"] = "utf8mb4"
            return string
        case .sqlite:
            var string = ODBCConnectionString(driver: "SQLite3")
            string["Database"] = TestDirectory.make("sqlite") + "/test.db"
            string["BigInt"] = "1"
            string.hasDynamicTypes = true
            return string
        }
    }

    func client() async throws -> ODBCClient {
        ODBCClient(try await connectionString(), maximumIdle: 4, connectTimeout: .seconds(60))
    }

    /// A statement that goes on for minutes if it is let.
    var endless: String {
        switch self {
        case .mariaDB: "SELECT SLEEP(300) AS sequence_of"
        case .sqlite:
            """
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000)
            SELECT COUNT(*) FROM n
            """
        }
    }
}

extension ODBCClient {
    /// Runs one statement on its own.
    @discardableResult
    func run(
        _ sql: String,
        _ parameters: [ODBCParameter] = [],
        limits: ODBCLimits = ODBCLimits(rows: 1_000, bytes: 10_000_000),
        within time: Duration = .seconds(60)
    ) async throws(ODBCError) -> [ODBCResult] {
        let batch = ODBCBatch([ODBCStatement(sql, parameters)], limits: limits)
        return try await run(batch, until: .now + time).flatMap { $0 }
    }

    /// Runs statements as one transaction.
    @discardableResult
    func run(
        transaction statements: [ODBCStatement],
        _ isolation: ODBCIsolation = .standard
    ) async throws(ODBCError) -> [[ODBCResult]] {
        let batch = ODBCBatch(statements, transaction: isolation, limits: ODBCLimits(rows: 100, bytes: 100_000))
        return try await run(batch, until: .now + .seconds(60))
    }
}
