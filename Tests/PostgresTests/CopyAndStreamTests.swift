import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.database, .serialized) struct CopyAndStreamTests {
    private struct Refusal: Error {}
    private static let count = 100_000
    /// A stream is one statement, for as long as its rows are taken.
    private static var patient: Setting { .set(\.statementTimeout, .seconds(600)) }

    @Test func `100,000 rows go in and out in binary`() async throws {
        try await withClient(Self.patient) { client in
            try await client.execute("CREATE TABLE t (id int8, name text, body bytea, at timestamptz)")
            try await client.withConnection { connection in
                let columns = ["id", "name", "body", "at"]
                let loaded = try await connection.copyIn(into: "t", columns: columns) { writer in
                    for id in 0..<Self.count {
                        let name: String? = id % 3 == 0 ? nil : "name \(id)"
                        try await writer.write(
                            row: id,
                            name,
                            [UInt8](repeating: UInt8(id % 256), count: id % 50),
                            Date()
                        )
                    }
                }
                #expect(loaded == Self.count)
                var id = 0
                for try await row in try await connection.copyOut(rowsOf: "SELECT id, name, body FROM t ORDER BY id") {
                    let (back, name, body) = try row.decode(Int.self, String?.self, [UInt8].self)
                    guard back == id, name == (id % 3 == 0 ? nil : "name \(id)"), body.count == id % 50 else {
                        Issue.record("row \(id) came back otherwise")
                        break
                    }
                    id += 1
                }
                #expect(id == Self.count)
            }
        }
    }

    @Test func `100,000 rows go in and out as text`() async throws {
        try await withClient(Self.patient) { client in
            try await client.execute("CREATE TABLE t (id int8, name text)")
            try await client.withConnection { connection in
                let loaded = try await connection.copyIn("COPY t FROM STDIN") { writer in
                    for id in 0..<Self.count { try await writer.write("\(id)\tname \(id)\n".utf8) }
                }
                #expect(loaded == Self.count)
                var text: [UInt8] = []
                for try await piece in try await connection.copyOut("COPY (SELECT * FROM t ORDER BY id) TO STDOUT") {
                    text += piece
                }
                let lines = text.split(separator: UInt8(ascii: "\n"))
                #expect(lines.count == Self.count)
                #expect(lines.last.map { String(decoding: $0, as: UTF8.self) } == "99999\tname 99999")
            }
        }
    }

    @Test func `a COPY whose writer throws, or whose data are wrong, loads nothing`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int8)")
            try await client.withConnection { connection in
                await #expect(throws: Refusal.self) {
                    try await connection.copyIn(into: "t", columns: ["id"]) { writer in
                        for id in 0..<50_000 { try await writer.write(row: id) }
                        throw Refusal()
                    }
                }
                let error = await postgresError {
                    try await connection.copyIn("COPY t FROM STDIN") { try await $0.write("one\n".utf8) }
                }
                #expect(error?.sqlState == SQLState(rawValue: "22P02"))
                #expect(error?.description.contains("one") == false)
                let wrong = await postgresError {
                    try await connection.copyIn("SELECT 1") { _ in }
                }
                #expect(wrong == .misuse("the statement is not a COPY in this direction"))
                try await expect(connection.query("SELECT count(*) FROM t")[0].decode(Int.self), equals: 0)
            }
        }
    }

    @Test func `COPY in a transaction is part of it`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int8)")
            await #expect(throws: Refusal.self) {
                try await client.transaction { connection in
                    try await connection.copyIn(into: "t", columns: ["id"]) { try await $0.write(row: 1) }
                    throw Refusal()
                }
            }
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 0)
        }
    }

    @Test func `a gigabyte of rows is streamed in bounded memory`() async throws {
        let (rows, size) = (200_000, 5_000)
        try await withClient(Self.patient) { client in
            try await client.withConnection { connection in
                let query: PostgresQuery =
                    "SELECT i, repeat('x', \(Int32(size))) FROM generate_series(1::int8, \(rows)) i"
                let before = try residentBytes()
                var (sum, count, growth) = (0, 0, 0)
                for try await row in try await connection.stream(query) {
                    let (number, text) = try row.decode(Int.self, String.self)
                    sum += number + text.utf8.count
                    count += 1
                    // Within the loop, as long as what was gathered is still there.
                    if count.isMultiple(of: 20_000) { growth = try max(growth, residentBytes() - before) }
                }
                #expect(count == rows)
                #expect(sum == rows * (rows + 1) / 2 + rows * size)
                // Far less than the rows are, and far more than what other tests of the process take meanwhile.
                #expect(growth < 300 << 20, "grew by \(growth) bytes")
                try await expect(connection.query("SELECT 1::int8")[0].decode(Int.self), equals: 1)
            }
        }
    }

    @Test func `a stream's error comes where it happens, and the connection goes on`() async throws {
        try await withClient { client in
            try await client.withConnection { connection in
                var count = 0
                let error = await postgresError {
                    for try await _ in try await connection.stream(
                        "SELECT 1 / (1000 - i) FROM generate_series(1, 2000) i"
                    ) {
                        count += 1
                    }
                }
                #expect(error?.sqlState == SQLState(rawValue: "22012"))
                #expect(count > 0)
                let unparsed = await postgresError { _ = try await connection.stream("SELEC") }
                #expect(unparsed?.sqlState == .syntaxError)
                try await expect(connection.query("SELECT 1::int8")[0].decode(Int.self), equals: 1)
            }
        }
    }

    /// What the process holds in memory, from `/proc/self/statm`.
    private func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4096
    }
}
