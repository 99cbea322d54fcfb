import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite(.database) struct ValueTests {
    /// Sends a value, has the server compare it with a literal, and reads it back.
    private func check<Value: PostgresDecodable & PostgresEncodable & Equatable>(
        _ value: Value,
        is literal: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await withClient { client in
            let row = try #require(
                try await client.query("SELECT \(value), \(value) IS NOT DISTINCT FROM \(unescaped: literal)").first
            )
            let (back, isEqual) = try row.decode(Value.self, Bool.self)
            #expect(back == value, sourceLocation: sourceLocation)
            #expect(isEqual, "the server sees another value than \(literal)", sourceLocation: sourceLocation)
        }
    }

    @Test func `booleans and integers come back, extremes included`() async throws {
        try await check(true, is: "true")
        try await check(false, is: "false")
        try await check(Int16.min, is: "'-32768'::int2")
        try await check(Int16.max, is: "32767::int2")
        try await check(Int32.min, is: "'-2147483648'::int4")
        try await check(Int64.min, is: "'-9223372036854775808'::int8")
        try await check(Int.max, is: "9223372036854775807")
    }

    @Test func `doubles come back bit for bit`() async throws {
        try await check(Double.greatestFiniteMagnitude, is: "1.7976931348623157e308::float8")
        try await check(Double.leastNonzeroMagnitude, is: "5e-324::float8")
        try await check(-0.1, is: "'-0.1'::float8")
        try await check(Double.infinity, is: "'infinity'::float8")
        try await withClient { client in
            #expect(try await client.one("SELECT \(Double.nan)", as: Double.self).isNaN)
            try await expect(client.one("SELECT 1.5::float4", as: Double.self), equals: 1.5)
        }
    }

    @Test func `text and bytes come back`() async throws {
        try await check("", is: "''")
        try await check("naïve 🐘 \u{1} $1 ' \" \\", is: #"E'naïve 🐘 \x01 $1 '' " \\'"#)
        try await check([UInt8](), is: #"'\x'::bytea"#)
        try await check([UInt8](0...255), is: "decode('\((0...255).map { Self.hex($0) }.joined())', 'hex')")
    }

    private static func hex(_ byte: Int) -> String { String(format: "%02x", byte) }

    @Test func `a zero byte in text is refused by the server`() async throws {
        try await withClient { client in
            let error = await postgresError { _ = try await client.query("SELECT \("a\0b")") }
            #expect(error?.sqlState == SQLState(rawValue: "22021"))
        }
    }

    @Test func `UUIDs, dates and durations come back`() async throws {
        let uuid = UUID()
        try await check(uuid, is: "'\(uuid.uuidString)'::uuid")
        try await check(Date(timeIntervalSince1970: 0), is: "'1970-01-01T00:00:00Z'::timestamptz")
        try await check(Date(timeIntervalSince1970: 1_700_000_000.25), is: "to_timestamp(1700000000.25)")
        try await check(Date(timeIntervalSince1970: -62_135_596_800), is: "'0001-01-01T00:00:00Z'::timestamptz")
        try await check(Date(timeIntervalSince1970: .infinity), is: "'infinity'::timestamptz")
        try await check(Date(timeIntervalSince1970: -.infinity), is: "'-infinity'::timestamptz")
        try await check(Duration.milliseconds(90_061_001), is: "'25:01:01.001'::interval")
        try await check(Duration.microseconds(-1), is: "'-0.000001 s'::interval")
        try await withClient { client in
            try await expect(client.one("SELECT '2 days 1 s'::interval", as: Duration.self), equals: .seconds(172_801))
            let months = await postgresError {
                _ = try await client.one("SELECT '1 month'::interval", as: Duration.self)
            }
            #expect(months?.description.contains("out of range") == true)
            let far = await postgresError { _ = try await client.query("SELECT \(Date(timeIntervalSince1970: 1e30))") }
            #expect(far?.sqlState == SQLState(rawValue: "22008"))
        }
    }

    @Test func `json keeps every byte and jsonb its value`() async throws {
        let text = #"{ "b": 1E2, "a": "é", "b": 2 }"#
        try await withClient { client in
            try await client.execute("CREATE TABLE t (j json, b jsonb)")
            try await client.execute("INSERT INTO t VALUES (\(PostgresJSON(text)), \(PostgresJSON(text)))")
            let row = try #require(try await client.query("SELECT j, b FROM t").first)
            let (json, jsonb) = try row.decode(PostgresJSON.self, PostgresJSONB.self)
            #expect(json == PostgresJSON(text))
            #expect(jsonb == PostgresJSONB(#"{"a": "é", "b": 2}"#))
            #expect(try row.bytes(1) == Array(#"{"a": "é", "b": 2}"#.utf8))
            #expect(try row.withBytes(0) { $0?.count } == text.utf8.count)
            try await expect(client.one("SELECT \(PostgresJSONB(text)) -> 'b'", as: String.self), equals: "2")
        }
    }

    @Test func `arrays come back, empty ones and NULL elements included`() async throws {
        try await check([Int](), is: "'{}'::int8[]")
        try await check([1, nil, -3] as [Int64?], is: "'{1,NULL,-3}'::int8[]")
        try await check(["a,b", "", "\"{}\"", "NULL"], is: #"ARRAY['a,b', '', '"{}"', 'NULL']"#)
        try await check(["x", nil] as [String?], is: "'{x,NULL}'::text[]")
        try await check([[1, 2], [], [255]] as [[UInt8]], is: #"ARRAY['\x0102', '\x', '\xff']::bytea[]"#)
        try await check([true, false], is: "'{t,f}'::bool[]")
        try await check([1.5, nil] as [Double?], is: "'{1.5,NULL}'::float8[]")
        try await check([Int16(1)], is: "'{1}'::int2[]")
        try await check([Int32(1)], is: "'{1}'::int4[]")
        try await check([Duration.seconds(1)], is: "'{00:00:01}'::interval[]")
        try await withClient { client in
            let bodies: [PostgresJSON?] = [PostgresJSON("{}"), nil, PostgresJSON("[1 ]")]
            let ids = ["a", "b", "c"]
            let rows = try await client.query("SELECT * FROM unnest(\(ids), \(bodies)) AS t (id, body)")
            #expect(try rows.map { try $0.decode(String.self, PostgresJSON?.self).1 } == bodies)
            let matrix = await postgresError { _ = try await client.one("SELECT '{{1}}'::int8[]", as: [Int].self) }
            #expect(matrix?.description.contains("2 dimensions") == true)
        }
    }

    @Test func `NULL is an optional's nil and nothing else's`() async throws {
        try await withClient { client in
            let row = try #require(
                try await client.query("SELECT \(nil as Int?), \(nil as [UInt8]?), \([UInt8]()) AS c, NULL AS d").first
            )
            let (a, b, c) = try row.decode(Int?.self, [UInt8]?.self, [UInt8]?.self)
            #expect(a == nil)
            #expect(b == nil)
            #expect(c == [])
            #expect(
                throws: PostgresError.decoding(
                    PostgresDecodingFailure(column: "d", expected: "text", found: "NULL", reason: nil)
                )
            ) { try row.decode(String.self, at: 3) }
        }
    }

    @Test func `numeric is read exactly as text and, when it fits, as a number`() async throws {
        try await withClient { client in
            let texts = [
                "0", "-1.50", "12345678901234567890.000000000000000001", "0.00001", "100000000", "NaN", "1e30",
            ]
            for text in texts {
                let row = try #require(
                    try await client.query("SELECT \(text)::text::numeric, \(text)::text::numeric::text").first
                )
                let (ours, theirs) = try row.decode(String.self, String.self)
                #expect(ours == theirs)
            }
            try await expect(client.one("SELECT sum(i) FROM generate_series(1::int8, 3) i", as: Int.self), equals: 6)
            try await expect(client.one("SELECT 0.5::numeric", as: Double.self), equals: 0.5)
        }
    }

    @Test func `a decoding error names column, expected and found type`() async throws {
        try await withClient { client in
            let row = try #require(try await client.query("SELECT 'x'::text AS title, 70000 AS big").first)
            #expect(
                throws: PostgresError.decoding(
                    PostgresDecodingFailure(column: "title", expected: "int8", found: "text", reason: nil)
                )
            ) { try row.decode(Int.self) }
            let error = await postgresError { _ = try row.decode(Int16.self, at: 1) }
            #expect(error?.description.contains("out of range of Int16") == true)
            #expect(throws: PostgresError.misuse("column 2 was asked for; the row has 2")) {
                try row.decode(Int.self, at: 2)
            }
        }
    }

    @Test func `random values of every type come back`() async throws {
        var random = SeededGenerator.announced()
        try await withClient { client in
            for _ in 0..<200 {
                let int = Int64.random(in: .min ... .max, using: &random)
                let double = Double(bitPattern: .random(in: .min ... .max, using: &random))
                let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let text = String(
                    (0..<20).map { _ in Character(Unicode.Scalar(UInt16.random(in: 1...0xD7FF, using: &random)) ?? "x")
                    }
                )
                let numbers: [Int64?] = (0..<5).map { _ in Bool.random(using: &random) ? int : nil }
                let date = Date(
                    timeIntervalSince1970: Double(Int.random(in: -9_000_000_000...9_000_000_000, using: &random))
                )
                let query: PostgresQuery = "SELECT \(int), \(double), \(bytes), \(text), \(numbers), \(date)"
                let row = try #require(try await client.query(query).first)
                let back = try row.decode(
                    Int64.self,
                    Double.self,
                    [UInt8].self,
                    String.self,
                    [Int64?].self,
                    Date.self
                )
                #expect(back.0 == int)
                #expect(back.1 == double || back.1.isNaN && double.isNaN)
                #expect(back.2 == bytes)
                #expect(back.3.unicodeScalars.elementsEqual(text.unicodeScalars))
                #expect(back.4 == numbers)
                #expect(back.5 == date)
            }
        }
    }
}
