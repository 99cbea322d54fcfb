import Contracts
import Executors
import Foundation
import JSON
import Logging
import Projects
import TestSupport
import Testing

@testable import BackEndConnector

@Suite(.database) struct SQLCallerTests {
    @Test(arguments: SQLEngine.allCases)
    func `statements with bound values answer rows and counts`(engine: SQLEngine) async throws {
        let back = try await SQLBackEnd(
            engine,
            """
            make: {sql: "CREATE TABLE stock (part VARCHAR(40) PRIMARY KEY, quantity BIGINT, price DECIMAL(12,2))"}
            add:
              sql: INSERT INTO stock (part, quantity, price) VALUES ({part}, {quantity}, {price})
              variables: {part: {type: string, required: true}, quantity: {type: integer}, price: {type: number}}
            of:
              sql: SELECT part, quantity FROM stock WHERE part IN ({parts}) ORDER BY part
              variables: {parts: {type: string, multi: true}}
            change: {sql: "UPDATE stock SET quantity = quantity + {more} WHERE quantity < {limit}"}
            prices: {sql: SELECT price FROM stock ORDER BY part}
            """
        )
        _ = try await back.call("make").get()
        let evil = "'; DROP TABLE stock; --"
        for (part, quantity) in [("bolt", 5), (evil, 9_007_199_254_740_993)] as [(String, Int)] {
            let values: JSONObject = [
                "part": .string(part), "quantity": .number(JSONNumber(quantity)),
                "price": .number(JSONNumber(validText: "12.50")),
            ]
            #expect(try await back.call("add", values).get() == ["rows": [], "count": 1])
        }
        #expect(
            try await back.call("of", ["parts": ["bolt", .string(evil), "nut"]]).get() == [
                "rows": [
                    ["part": .string(evil), "quantity": 9_007_199_254_740_993], ["part": "bolt", "quantity": 5],
                ], "count": 2,
            ]
        )
        #expect(try await back.call("of", ["parts": []]).get()["rows"] == [])
        #expect(try await back.call("change", ["more": 1, "limit": 100]).get()["count"] == 1)
        #expect(try await back.call("of", ["parts": "bolt"]).get()["rows"]?.arrayValue?.first?["quantity"] == 6)
        // Numbers are compared by value: SQLite has no decimals.
        #expect(try await back.call("prices").get()["rows"]?.arrayValue?.first?["price"] == 12.5)
        #expect(back.reason(of: await back.call("add", ["quantity": 1]))?.code == "invalid_variable")
        await back.close()
    }

    @Test(arguments: SQLEngine.allCases)
    func `a list of statements is one transaction`(engine: SQLEngine) async throws {
        let back = try await SQLBackEnd(
            engine,
            """
            make: {sql: "CREATE TABLE t (a INTEGER PRIMARY KEY)"}
            both:
              statements:
                - INSERT INTO t VALUES ({a})
                - INSERT INTO t VALUES ({b})
                - SELECT a FROM t ORDER BY a
            all: {sql: SELECT a FROM t}
            """
        )
        _ = try await back.call("make").get()
        let failure = try #require(back.reason(of: await back.call("both", ["a": 1, "b": 1])))
        #expect(failure.code == "sql_error")
        #expect(failure.effect == .none)
        #expect(failure.details["sqlState"]?.stringValue?.count == 5)
        #expect(try await back.call("all").get()["rows"] == [])
        #expect(
            try await back.call("both", ["a": 1, "b": 2]).get() == [
                "results": [
                    ["rows": [], "count": 1], ["rows": [], "count": 1], ["rows": [["a": 1], ["a": 2]], "count": 2],
                ]
            ]
        )
        await back.close()
    }

    @Test(arguments: SQLEngine.allCases)
    func `rows, bytes and time have limits`(engine: SQLEngine) async throws {
        let back = try await SQLBackEnd(
            engine,
            """
            some: {sql: "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4"}
            long: {sql: "SELECT {text} AS a"}
            endless: {sql: "\(engine.endless)", timeout: 1s}
            """,
            settings: "rowLimit: 3\nresponseLimit: 10000"
        )
        #expect(back.reason(of: await back.call("some"))?.code == "too_many_rows")
        let text = JSONValue.string(String(repeating: "x", count: 20_000))
        #expect(back.reason(of: await back.call("long", ["text": text]))?.code == "response_too_large")
        var late = try #require(back.reason(of: await back.call("endless")))
        // Its time may be over before there was a connection.
        while late.effect == .none { late = try #require(back.reason(of: await back.call("endless"))) }
        #expect(late.code == "timeout")
        #expect(late.effect == .unknown)
        #expect(try await back.call("long", ["text": "x"]).get()["rows"] == [["a": "x"]])
        await back.close()
    }

    @Test func `PostgreSQL's types are JSON's`() async throws {
        let back = try await SQLBackEnd(
            .postgresql,
            #"""
            types:
              sql: |
                SELECT true AS flag, 9007199254740993 AS large, 0.10::numeric AS exact, 'NaN'::float8 AS none,
                  '\x00ff'::bytea AS bytes, '{"a":[1.50]}'::jsonb AS document, NULL AS nothing,
                  '2026-11-26 18:00:00.5+02'::timestamptz AS moment, '2026-11-26 18:00'::timestamp AS local,
                  date '2026-02-03' AS day, ARRAY[[1,2],[3,NULL]] AS numbers, ARRAY['a b','"','{}','NULL'] AS texts,
                  interval '1 day' AS span, {text} AS text, {object}::jsonb -> 'x' AS inner, 1 AS a, 2 AS a
            """#
        )
        let answer = try await back.call("types", ["text": "é", "object": ["x": [1]]]).get()
        #expect(
            answer["rows"] == [
                [
                    "flag": true, "large": 9_007_199_254_740_993, "exact": .number(JSONNumber(validText: "0.10")),
                    "none": "NaN", "bytes": "AP8=",
                    "document": ["a": [.number(JSONNumber(validText: "1.50"))]], "nothing": .null,
                    "moment": "2026-11-26T16:00:00.5Z", "local": "2026-11-26T18:00:00", "day": "2026-02-03",
                    "numbers": [[1, 2], [3, .null]], "texts": ["a b", "\"", "{}", "NULL"], "span": "1 day",
                    "text": "é", "inner": [1], "a": 1, "a_2": 2,
                ]
            ]
        )
        #expect(answer["rows"]?.arrayValue?.first?["exact"]?.text == "0.10")
        #expect(back.reason(of: await back.call("types", ["text": "\0", "object": [:]]))?.code == "invalid_value")
        await back.close()
    }

    @Test func `MariaDB's types are JSON's, and a procedure's results are all there`() async throws {
        let back = try await SQLBackEnd(
            .mariadb,
            """
            types:
              sql: |
                SELECT CAST(0.10 AS DECIMAL(5,2)) AS exact, x'00ff' AS bytes, NULL AS nothing,
                  TIMESTAMP '2026-11-26 18:00:00' AS moment, 'it''s {a}' AS text
                -- an 'apostrophe in a comment
            make: {sql: "CREATE PROCEDURE p(n INT) BEGIN SELECT n AS one; SELECT n + 1 AS two; END"}
            call: {sql: "CALL p({n})"}
            """.replacing("'it''s {a}'", with: "'it''s ? { a}'")
        )
        #expect(
            try await back.call("types").get()["rows"] == [
                [
                    "exact": .number(JSONNumber(validText: "0.10")), "bytes": "AP8=", "nothing": .null,
                    "moment": "2026-11-26T18:00:00", "text": "it's ? { a}",
                ]
            ]
        )
        _ = try await back.call("make").get()
        let answer = try await back.call("call", ["n": 5]).get()
        #expect(answer["rows"] == [["one": 5]])
        #expect(answer["more"]?.arrayValue?.first?["rows"] == [["two": 6]])
        await back.close()
    }

    @Test(arguments: [SQLEngine.postgresql, .mariadb])
    func `a wrong password is a refusal that is not tried again`(engine: SQLEngine) async throws {
        let back = try await SQLBackEnd(engine, "one: {sql: SELECT 1}", password: "wrong")
        let failure = try #require(back.reason(of: await back.call("one")))
        #expect(failure.code == "sql_login_failed")
        #expect(failure.effect == .none)
        await back.close()
    }

    @Test func `a server that ends the connection in the middle of a result is told, and the next call is served`()
        async throws
    {
        // The server sends rows as it makes them, and then its end.
        let cut = """
            SELECT n, repeat('x', 1000),
              CASE WHEN n = 900 THEN pg_terminate_backend(pg_backend_pid()) END FROM generate_series(1, 1000) n
            """
        let back = try await SQLBackEnd(
            .postgresql,
            """
            read: {sql: "\(cut)"}
            change: {sql: "\(cut)", idempotent: false}
            all: {sql: SELECT 7 AS a}
            """,
            settings: "timeout: 5m\nresponseLimit: 60000000"
        )
        let read = try #require(back.reason(of: await back.call("read")))
        #expect(read.code == "connection_lost", "\(read)")
        let change = try #require(back.reason(of: await back.call("change")))
        #expect(change.code == "connection_lost" && change.effect == .unknown, "\(change)")
        #expect(try await back.call("all").get()["rows"] == [["a": 7]])
        await back.close()
    }

    @Test func `an address of the server that says nothing leaves the next one its share of a call's time`()
        async throws
    {
        let port = try #require(URLComponents(string: try TestDatabase.address)?.port)
        let silent = try SilentServer.beside(port)
        // A busy machine may need more: an address that is never tried has no answer in any time.
        for seconds in [2, 10, 60] {
            let back = try await SQLBackEnd(.postgresql, "one: {sql: SELECT 1 AS a}", settings: "timeout: \(seconds)s")
            let result = await back.postgres("one", at: [silent.address, "127.0.0.1"], within: .seconds(seconds))
            await back.close()
            guard case .failure = result, seconds < 60 else {
                #expect(try result.get().map { $0.map(\.rows) } == [[[[1]]]])
                break
            }
        }
        #expect(silent.connectionCount > 0)
    }

    @Test(arguments: [SQLEngine.postgresql, .mariadb])
    func `an address that the project may not reach is refused before a connection is made`(
        engine: SQLEngine
    ) async throws {
        let back = try await SQLBackEnd(engine, "one: {sql: SELECT 1}", addresses: "[public, private]")
        let failure = try #require(back.reason(of: await back.call("one")))
        #expect(failure.code == "address_refused")
        await back.close()
    }

    @Test func `what a procedure or a block did before it failed may be there`() async throws {
        let postgres = try await SQLBackEnd(
            .postgresql,
            """
            block: {sql: "DO $$ BEGIN COMMIT; PERFORM 1 / 0; END $$"}
            single: {sql: SELECT 1 / 0}
            """
        )
        let block = try #require(postgres.reason(of: await postgres.call("block")))
        #expect(block.code == "sql_error" && block.effect == .unknown)
        #expect(postgres.reason(of: await postgres.call("single"))?.effect == Failure.Effect.none)
        let mariaDB = try await SQLBackEnd(
            .mariadb,
            """
            make: {sql: "CREATE TABLE t (a INT PRIMARY KEY)"}
            procedure: {sql: "CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); END"}
            call: {sql: CALL p()}
            single: {sql: INSERT INTO t VALUES (1)}
            both: {statements: [INSERT INTO t VALUES (2), "CREATE TABLE u (a INT)", INSERT INTO t VALUES (2)]}
            all: {sql: SELECT a FROM t ORDER BY a}
            """
        )
        _ = (try await mariaDB.call("make").get(), try await mariaDB.call("procedure").get())
        #expect(mariaDB.reason(of: await mariaDB.call("call"))?.effect == .unknown)
        #expect(mariaDB.reason(of: await mariaDB.call("single"))?.effect == Failure.Effect.none)
        #expect(mariaDB.reason(of: await mariaDB.call("both"))?.effect == .unknown)
        #expect(try await mariaDB.call("all").get()["rows"] == [["a": 1], ["a": 2]])
        await postgres.close()
        await mariaDB.close()
    }

    @Test func `the server must prove its name when the project says so`() async throws {
        let mariaDB = try await TestMariaDB.shared()
        let trusted = try await SQLBackEnd(.mariadb, "one: {sql: SELECT 1}", tls: .verify(mariaDB.authority))
        #expect(try await trusted.call("one").get()["count"] == 1)
        let stranger = try await SQLBackEnd(.mariadb, "one: {sql: SELECT 1}", tls: .verify(nil))
        #expect(stranger.reason(of: await stranger.call("one"))?.code == "connect_failed")
        await trusted.close()
        await stranger.close()
    }

    @Test func `files of SQLite stay in their folder, and are not made by accident`() async throws {
        let back = try await SQLBackEnd(.sqlite, "one: {sql: SELECT 1}", file: "missing.db")
        #expect(back.reason(of: await back.call("one")) != nil)
        let none = try await SQLBackEnd(.sqlite, "one: {sql: SELECT 1}", hasFolder: false)
        #expect(none.reason(of: await none.call("one"))?.code == "connect_failed")
        await back.close()
        await none.close()
    }

    @Test func `a driver is the engine's own, or one that the operator allows`() async throws {
        let foreign = try await SQLBackEnd(.mariadb, "one: {sql: SELECT 1}", settings: "driver: SQLite3")
        let failure = try #require(foreign.reason(of: await foreign.call("one")))
        #expect(failure.code == "connect_failed" && failure.message.contains("FULLSYNC_CONNECTOR_ODBC_DRIVERS"))
        let allowed = try await SQLBackEnd(
            .sqlite,
            "one: {sql: SELECT 1}",
            settings: "driver: No such driver",
            drivers: "oracle=Oracle, sqlite = No such driver"
        )
        let missing = try #require(allowed.reason(of: await allowed.call("one")))
        #expect(missing.message.contains("is not installed"))
        #expect(throws: ODBCDrivers.Problem.self) { try ODBCDrivers("SQLite3") }
    }
}

/// The databases that the SQL connector is tested with.
enum SQLEngine: String, CaseIterable {
    case postgresql
    case mariadb
    case sqlite

    /// A statement that goes on for minutes if it is let.
    var endless: String {
        switch self {
        case .postgresql: "SELECT pg_sleep(300)"
        case .mariadb: "SELECT SLEEP(300)"
        case .sqlite:
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000) "
                + "SELECT COUNT(*) FROM n"
        }
    }
}

/// A project with an SQL connector, and the caller that carries out its transactions.
struct SQLBackEnd: TestBackEnd {
    enum Security {
        case none
        case verify(String?)
    }

    private let caller: SQLCaller
    private let connector: SQLConnector

    init(
        _ engine: SQLEngine,
        _ transactions: String,
        settings: String = "",
        password: String? = nil,
        addresses: String = "[loopback]",
        tls: Security = .none,
        file: String = "test.db",
        hasFolder: Bool = true,
        drivers: String = ""
    ) async throws {
        let folder = TestDirectory.make("sqlite")
        try Data().write(to: URL(fileURLWithPath: folder + "/test.db"))
        var symbols: [String: String] = [:]
        var place = "file: \(file)"
        if engine != .sqlite {
            let (port, database, user, right) = try await Self.server(engine)
            symbols["PASSWORD"] = password ?? right
            let isTLS = if case .none = tls { false } else { true }
            place = """
                host: \(isTLS ? "localhost" : "127.0.0.1")
                port: \(port)
                database: \(database)
                user: \(user)
                password: ${PASSWORD}
                tls: \(isTLS ? "verify" : "none")
                addresses: \(addresses)
                """
            if case .verify(let authority?) = tls {
                symbols["CA"] = authority
                place += "\ncertificateAuthority: ${CA}"
            }
        }
        let indented = transactions.split(separator: "\n", omittingEmptySubsequences: false)
            .map { "  \($0)" }.joined(separator: "\n")
        let project = try Project.read([
            "project.yaml": "project: p\nsymbols:\n  PASSWORD: {secret: true}\n  CA: {}\n",
            "connectors/db.yaml":
                "type: sql\nengine: \(engine.rawValue)\n\(place)\n\(settings)\ntransactions:\n\(indented)\n",
        ]) { symbols[$0] ?? "-----BEGIN CERTIFICATE-----" }
        guard case .sql(let connector)? = project.connectors["db"]?.kind else { throw MissingConnector() }
        self.connector = connector
        let files = PEMFiles()
        caller = SQLCaller(
            lanes: ConnectorLanes(policy: .init(), places: 128),
            addresses: .forTests(),
            postgres: PostgresBackEnds(files: files, logger: Logger(label: "tests")),
            odbc: ODBCBackEnds(files: files, folder: hasFolder ? folder : nil, drivers: try ODBCDrivers(drivers))
        )
    }

    private static func server(_ engine: SQLEngine) async throws -> (Int, String, String, String) {
        if engine == .mariadb {
            let server = try await TestMariaDB.shared()
            return (server.port, try await server.makeDatabase(), server.user, server.password)
        }
        let address = URLComponents(string: try TestDatabase.address)
        return (
            address?.port ?? 0, String(address?.path.dropFirst() ?? ""), address?.user ?? "", address?.password ?? ""
        )
    }

    var target: SQLConnector { connector }
    var transactions: [String: SQLTransaction] { connector.transactions }

    func carryOut(_ call: SQLCaller.Call) async throws(Failure) -> JSONValue { try await caller.run(call) }

    /// The results of a transaction of PostgreSQL, when those are the addresses of its server.
    func postgres(
        _ name: String,
        at addresses: [String],
        within time: Duration
    ) async -> Result<[[SQLResult]], any Error> {
        guard let transaction = transactions[name], case .server(let server) = connector.place else {
            return .failure(MissingConnector())
        }
        let call = SQLCaller.Call(
            name: ConnectorName(project: "p", connector: "tested"),
            connector: connector,
            transaction: transaction,
            variables: [:],
            idempotencyKey: "run/1",
            deadline: .now + time
        )
        do {
            let statements = try transaction.bind([:], as: .numbered)
            return .success(
                try await caller.postgres.run(statements, of: call, at: server, addresses, until: call.deadline)
            )
        } catch {
            return .failure(error)
        }
    }

    func close() async { await caller.close() }
}

/// The project of a test does not have what it was written for.
struct MissingConnector: Error {}
