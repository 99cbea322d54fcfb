import CouchProtocol
import Foundation
import GRDB
import JSON
import TestSupport
import Testing
import ViewRules

@testable import FullSyncClient

/// Reductions on the device: kept by blocks of rows, and the same as if all rows were reduced each time.
@Suite(.timeLimit(.minutes(10))) struct DeviceReductionTests {
    private let path = TestDirectory.make("reductions") + "/db.sqlite"

    private static let small = BlockSizes(smallest: 3, largest: 8, bytes: 200, reductions: 4)

    private func database(_ sizes: BlockSizes = small, _ vault: Vault = .open) throws -> FullSyncDatabase {
        var limits = StoreLimits()
        (limits.blocks, limits.vault) = (sizes, vault)
        return FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path, limits: limits))
    }

    /// How many rows there are, what they add up to, and the greatest one.
    private static let summary = """
        function (keys, values, again) {
            var all = again ? values : values.map(function (value) { return [1, value, value] });
            return all.reduce(function (a, b) { return [a[0] + b[0], a[1] + b[1], Math.max(a[2], b[2])] });
        }
        """

    private static func summary(of values: [Int]) -> String {
        "[\(values.count),\(values.reduce(0, +)),\(values.max() ?? 0)]"
    }

    private static let map = "function (doc) { for (var i = 0; i < doc.n % 3; i++) emit([doc.a, doc.n % 4, i], doc.n) }"

    private static let design: JSONObject = [
        "_id": "_design/x",
        "views": [
            "own": ["map": .string(map), "reduce": .string(summary)],
            "sum": ["map": .string(map), "reduce": "_sum"],
            "count": ["map": .string(map), "reduce": "_count"],
            "stats": ["map": .string(map), "reduce": "_stats"],
        ],
    ]

    private static let reductions: [String: @Sendable ([Int]) -> String] = [
        "own": summary(of:),
        "sum": { "\($0.reduce(0, +))" },
        "count": { "\($0.count)" },
        "stats": { values in
            let squares = values.reduce(0) { $0 + $1 * $1 }
            return #"{"sum":\#(values.reduce(0, +)),"count":\#(values.count),"min":\#(values.min() ?? 0),"#
                + #""max":\#(values.max() ?? 0),"sumsqr":\#(squares)}"#
        },
    ]

    /// A query as somebody might ask it.
    private static func query(_ random: inout SeededGenerator) -> ViewQuery {
        var query = ViewQuery()
        func key() -> JSONValue {
            let first = Int.random(in: 0..<6, using: &random)
            if Bool.random(using: &random) { return [.number(JSONNumber(first))] }
            return [.number(JSONNumber(first)), .number(JSONNumber(Int.random(in: 0..<4, using: &random))), 0]
        }
        if Bool.random(using: &random) { query.startKey = key() }
        if Bool.random(using: &random) { query.endKey = key() }
        if Bool.random(using: &random), query.startKey != nil { query.startKeyDocument = "d3" }
        if Bool.random(using: &random), query.endKey != nil { query.endKeyDocument = "d5" }
        query.includesEnd = Bool.random(using: &random)
        query.isDescending = Bool.random(using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: query.groups = true
        case 1: query.groupLevel = 1
        case 2: query.groupLevel = 2
        default: break
        }
        return query
    }

    /// What all rows of the query come to, reduced here.
    private func expected(
        _ query: ViewQuery,
        _ name: String,
        in database: FullSyncDatabase
    ) async throws -> [String] {
        var rows = query
        (rows.isReduced, rows.groups, rows.groupLevel) = (false, nil, nil)
        let depth = query.groups == true ? 3 : query.groupLevel ?? 0
        var groups: [(key: JSONValue, values: [Int])] = []
        for row in try await database.view("x", name, rows).rows {
            let key: JSONValue = depth == 0 ? .null : .array(Array(row.key.arrayValue?.prefix(depth) ?? []))
            if groups.last?.key != key { groups.append((key, [])) }
            groups[groups.count - 1].values.append(row.value.intValue ?? 0)
        }
        let reduce = try #require(Self.reductions[name])
        return groups.map { "\($0.key.text)=\(reduce($0.values))" }
    }

    private func found(_ query: ViewQuery, _ name: String, in database: FullSyncDatabase) async throws -> [String] {
        try await database.view("x", name, query).rows.map { "\($0.key.text)=\($0.value.text)" }
    }

    private func expectAnswers(
        _ query: ViewQuery,
        _ name: String,
        in database: FullSyncDatabase,
        _ random: inout SeededGenerator
    ) async throws {
        do {
            let expected = try await expected(query, name, in: database)
            #expect(try await found(query, name, in: database) == expected, "\(query)")
            var page = query
            page.skip = Int.random(in: 0..<4, using: &random)
            page.limit = Int.random(in: 0..<4, using: &random)
            let part = expected.dropFirst(page.skip).prefix(page.limit ?? 0)
            #expect(try await found(page, name, in: database) == Array(part), "\(page)")
        } catch let error as FullSyncError {
            // Ends that are the wrong way round.
            #expect(error.error == "query_parse_error")
        }
    }

    /// Blocks have all rows between them, and those with a reduction have that of their rows.
    private func checkBlocks(of database: FullSyncDatabase) async throws -> Int {
        let target = try await database.target("x", "own")
        return try await database.replica.read { reader in
            var blocks = try reader.blocks(of: target.view, from: nil, to: nil, isDescending: false, nil)
            var (kept, place) = (0, RowPlace?.some(.start))
            while let (block, end) = try blocks.next() {
                #expect(block.start == place)
                place = end
                guard let content = block.content else { continue }
                var (values, keys): ([Int], [[UInt8]]) = ([], [])
                try reader.forEachRow(of: target.view, from: block.start, to: end, isDescending: false) { row in
                    values.append(Int(String(decoding: row.value, as: UTF8.self)) ?? 0)
                    keys.append(row.order)
                    return true
                }
                #expect(content.firstKey == keys.first && content.lastKey == keys.last)
                #expect(String(decoding: content.reduction.result, as: UTF8.self) == Self.summary(of: values))
                kept += 1
            }
            #expect(place == nil)
            return kept
        }
    }

    /// Random edits and random queries, against all rows reduced anew.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func `a reduction is that of all rows`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let database = try database()
        try await database.post(Self.design)
        var kept = 0
        for round in 0..<25 {
            for _ in 0..<Int.random(in: 1...(round == 0 ? 120 : 6), using: &random) {
                let id = "d\(Int.random(in: 0..<80, using: &random))"
                if Int.random(in: 0..<4, using: &random) == 0, try await database.get(id) != nil {
                    try await database.delete(id)
                    continue
                }
                let (first, number) = (Int.random(in: 0..<6, using: &random), Int.random(in: 0..<100, using: &random))
                try await database.post(
                    ["_id": .string(id), "a": .number(JSONNumber(first)), "n": .number(JSONNumber(number))],
                    policy: .override
                )
            }
            for _ in 0..<6 {
                let name = Self.reductions.keys.sorted().randomElement(using: &random) ?? "own"
                try await expectAnswers(Self.query(&random), name, in: database, &random)
            }
            try await expectAnswers(Self.query(&random), "own", in: database, &random)
            kept = max(kept, try await checkBlocks(of: database))
        }
        #expect(kept > 3)
    }

    @Test func `several keys are reduced each for itself, from blocks that they share`() async throws {
        let database = try database()
        try await database.bulk((0..<90).map { ["_id": .string("d\($0)"), "n": .number(JSONNumber($0))] })
        try await database.post(
            [
                "_id": "_design/x",
                "views": ["v": ["map": "function (doc) { emit(doc.n % 9, doc.n) }", "reduce": .string(Self.summary)]],
            ]
        )
        var query = ViewQuery()
        (query.keys, query.groups) = ([7, 2, 5, 2, 11], true)
        for _ in 0..<3 {
            let rows = try await database.view("x", "v", query).rows.map { "\($0.key.text)=\($0.value.text)" }
            #expect(rows == [7, 2, 5, 2].map { key in "\(key)=\(Self.summary(of: (0..<10).map { $0 * 9 + key }))" })
        }
        let kept = try await database.replica.read { reader in
            try Int.fetchOne(reader.db, sql: "SELECT count(reduction) FROM view_blocks") ?? 0
        }
        #expect(kept > 0, "what several keys want of one block does not keep each other from being kept")
    }

    /// Behind the blocks' back the rows get another value before each query, so that the answer, which counts rows by
    /// value, tells how many were read for it.
    @Test func `a query that follows an edit reads the rows around it, and no others`() async throws {
        let database = try database(BlockSizes())
        let count = 20_000
        for start in stride(from: 0, to: count, by: 1_000) {
            try await database.bulk(
                (start..<start + 1_000).map { ["_id": .string("d\($0)"), "n": .number(JSONNumber($0))] }
            )
        }
        let reduce = """
            function (keys, values, again) {
                var counts = {};
                function add(value, rows) { counts[value] = (counts[value] || 0) + rows; }
                values.forEach(function (value) {
                    if (!again) return add(value, 1);
                    Object.keys(value).forEach(function (each) { add(each, value[each]); });
                });
                return counts;
            }
            """
        let map = "function (doc) { emit([doc.n % 7, doc.n], 0) }"
        try await database.post(["_id": "_design/x", "views": ["v": ["map": .string(map), "reduce": .string(reduce)]]])
        func counted(_ value: Int, _ query: ViewQuery) async throws -> Int {
            try await database.view("x", "v", query).rows.reduce(0) {
                $0 + ($1.value.objectValue?["\(value)"]?.intValue ?? 0)
            }
        }
        var mark = 0
        /// How many rows are read for the query.
        func read(_ query: ViewQuery = ViewQuery()) async throws -> Int {
            mark += 1
            let value = Data("\(mark)".utf8)
            try await database.replica.transaction {
                try $0.db.execute(sql: "UPDATE view_rows SET value = ?", arguments: [value])
            }
            return try await counted(mark, query)
        }
        #expect(try await counted(0, ViewQuery()) == count)
        #expect(try await read() == 0, "again, and no row is read")
        try await database.post(["_id": "d77", "n": 77, "more": true], policy: .override)
        let afterEdit = try await read()
        #expect(afterEdit > 0 && afterEdit <= 2_000)
        var groups = ViewQuery()
        groups.groupLevel = 1
        // Blocks that lie across two groups are cut there, once.
        #expect(try await read(groups) > 0)
        #expect(try await read(groups) <= 7 * 2 * BlockSizes().smallest)
        var range = ViewQuery()
        (range.startKey, range.endKey) = ([1, 500], [5, 500])
        let inRange = try await read(range)
        #expect(inRange > 0 && inRange <= 2 * 1_000 + 5 * 2 * BlockSizes().smallest)
    }

    @Test func `what a user lost is in no reduction, before any query`() async throws {
        let database = try database()
        try await database.post(Self.design)
        try await database.bulk(
            (0..<30).map { ["_id": .string("d\($0)"), "a": 1, "n": .number(JSONNumber($0 * 3 + 1))] }
        )
        var query = ViewQuery()
        query.freshness = .asItIs
        #expect(try await found(ViewQuery(), "own", in: database).count == 1)
        let kept = try await checkBlocks(of: database)
        try await database.replica.transaction { try $0.removeRows(of: [DocumentID(stored: "d7")]) }
        #expect(try await checkBlocks(of: database) == kept - 1)
        let numbers = (0..<30).filter { $0 != 7 }.map { $0 * 3 + 1 }
        #expect(try await found(query, "own", in: database) == ["null=\(Self.summary(of: numbers))"])
    }

    @Test func `edits and queries at once leave blocks that are true`() async throws {
        let database = try database()
        try await database.post(Self.design)
        try await database.bulk(
            (0..<60).map { ["_id": .string("d\($0)"), "a": .number(JSONNumber($0 % 6)), "n": .number(JSONNumber($0))] }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 1...4 as ClosedRange<UInt64> {
                group.addTask {
                    var random = SeededGenerator(seed: seed)
                    for _ in 0..<30 {
                        let number = Int.random(in: 0..<60, using: &random)
                        try await database.post(
                            ["_id": .string("d\(number)"), "a": 2, "n": .number(JSONNumber(number))],
                            policy: .override
                        )
                        var query = Self.query(&random)
                        query.freshness = Bool.random(using: &random) ? .asItIs : .upToDate
                        do { _ = try await database.view("x", "own", query) } catch is FullSyncError {}
                    }
                }
            }
            try await group.waitForAll()
        }
        var random = SeededGenerator(seed: 9)
        for _ in 0..<20 { try await expectAnswers(Self.query(&random), "own", in: database, &random) }
        #expect(try await checkBlocks(of: database) > 0)
    }

    @Test func `rows that come and go at the ends leave no blocks behind`() async throws {
        let database = try database()
        try await database.post(Self.design)
        for round in 0..<30 {
            try await database.bulk(
                (0..<20).map {
                    [
                        "_id": .string("r\(round)-\($0)"), "a": .number(JSONNumber(round)),
                        "n": .number(JSONNumber($0 * 3 + 1)),
                    ]
                }
            )
            _ = try await database.view("x", "own")
            if round > 0 { for number in 0..<20 { try await database.delete("r\(round - 1)-\(number)") } }
        }
        #expect(try await found(ViewQuery(), "own", in: database).count == 1)
        let count = try await database.replica.read { reader in
            try Int.fetchOne(reader.db, sql: "SELECT count(*) FROM view_blocks") ?? 0
        }
        #expect(count <= 10, "twenty rows, and three at least in a block")
    }

    @Test func `a file that an older version wrote is opened, and its views are reduced`() async throws {
        var database = try database()
        try await database.post(Self.design)
        try await database.bulk((0..<30).map { ["a": 1, "n": .number(JSONNumber($0 * 3 + 1))] })
        let expected = try await found(ViewQuery(), "own", in: database)
        try database.replica.close()
        let queue = try DatabaseQueue(path: path)
        try await queue.write { db in
            try db.execute(sql: "DROP TABLE view_blocks")
            try db.execute(sql: "ALTER TABLE views DROP COLUMN version")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '5'")
        }
        try queue.close()
        database = try self.database()
        for _ in 0..<2 { #expect(try await found(ViewQuery(), "own", in: database) == expected) }
        #expect(try await checkBlocks(of: database) > 0)
    }

    @Test func `reductions are sealed like the rows that they are of`() async throws {
        let vault = try Vault(key: Data("0123456789abcdef0123456789abcdef".utf8))
        let database = try database(Self.small, vault)
        let secret = "Wintergarten"
        try await database.bulk((0..<30).map { ["_id": .string("d\($0)"), "text": .string(secret)] })
        let view: JSONObject = [
            "map": "function (doc) { emit(null, doc.text) }", "reduce": "function (keys, values) { return values[0] }",
        ]
        try await database.post(["_id": "_design/x", "views": ["v": .object(view)]])
        for _ in 0..<2 { #expect(try await database.view("x", "v").rows.map(\.value) == [.string(secret)]) }
        let count = try await database.replica.read { reader in
            try Int.fetchOne(reader.db, sql: "SELECT count(reduction) FROM view_blocks") ?? 0
        }
        #expect(count > 1)
        try database.replica.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data(secret.utf8)) == nil)
    }
}
