import CouchProtocol
import DocumentStore
import Postgres
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// Blocks against a look at all documents, while documents come, change and go at random.
@Suite(.database) struct BlockModelTests {
    /// The documents as they are.
    private struct Model {
        struct Entry {
            let key: [Int]
            let value: Int
        }

        var random: SeededGenerator
        var entries: [Int: Entry] = [:]

        mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

        /// Changes or deletes these, and gives the documents to be written.
        mutating func change(_ numbers: Set<Int>) -> [(id: String, body: String)] {
            numbers.sorted().map { number in
                guard entries[number] == nil || below(4) > 0 else {
                    entries[number] = nil
                    return ("d\(number)", #"{"_deleted":true}"#)
                }
                let entry = Entry(key: [below(6), below(40)], value: below(201) - 100)
                entries[number] = entry
                return ("d\(number)", #"{"k":[\#(entry.key[0]),\#(entry.key[1])],"v":\#(entry.value)}"#)
            }
        }

        /// The groups between two keys, in order, each with its values.
        func groups(_ first: [Int], _ last: [Int], level: Int) -> [(name: String, values: [Int])] {
            let chosen = entries.values.filter { entry in
                !entry.key.lexicographicallyPrecedes(first) && !last.lexicographicallyPrecedes(entry.key)
            }
            let groups = Dictionary(grouping: chosen) { Array($0.key.prefix(level)) }
            return groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, entries in
                ("[\(key.map(String.init).joined(separator: ","))]", entries.map(\.value))
            }
        }
    }

    private static func sum(_ values: [Int]) -> String { "\(values.reduce(0, +))" }

    private static func stats(_ values: [Int]) -> String {
        "{\"sum\":\(sum(values)),\"count\":\(values.count),\"min\":\(values.min() ?? 0),"
            + "\"max\":\(values.max() ?? 0),\"sumsqr\":\(values.map { $0 * $0 }.reduce(0, +))}"
    }

    @Test func `blocks give what all rows give, whatever changes`() async throws {
        let random = SeededGenerator.announced()
        try await TestIndexes.with { test in
            var model = Model(random: random)
            let map = "function (doc) { emit(doc.k, doc.v) }"
            let views: [(DesignViews, @Sendable ([Int]) -> String)] = [
                (try test.view(map, reduce: "_sum"), Self.sum), (try test.view(map, reduce: "_stats"), Self.stats),
                (try test.view(map, reduce: "function (keys, values) { return sum(values) }"), Self.sum),
            ]
            try await test.put(model.change(Set(0..<2_500)))
            for round in 0..<6 {
                for (views, reduce) in views {
                    let index = try await test.index(views)
                    try await compare(test, index, &model, round, reduce)
                }
                try await test.put(model.change(Set((0..<60).map { _ in model.below(2_600) })))
            }
            let blocks = try await test.store.client.query("SELECT count(*), sum(rows)::bigint FROM view_blocks")
            let (count, rows) = try #require(blocks.first).decode(Int64.self, Int64.self)
            #expect(count > 20)
            let all = try await test.store.client.query("SELECT count(*) FROM view_rows WHERE NOT echo")
            #expect(try all.first?.decode(Int64.self) == rows)
        }
    }

    @Test func `blocks of a view without a reduce function are cut and count its rows`() async throws {
        let random = SeededGenerator.announced()
        try await TestIndexes.with { test in
            var model = Model(random: random)
            let views = try test.view("function (doc) { emit(doc.k, doc.v) }")
            try await test.put(model.change(Set(0..<2_500)))
            for round in 0..<6 {
                let index = try await test.index(views)
                try #require(await test.indexes.refresh(index))
                for _ in 0..<5 {
                    let key = [model.below(6), model.below(40)]
                    try await compareCounts(test, index, model, key, "round \(round)")
                }
                try await test.put(model.change(Set((0..<60).map { _ in model.below(2_600) })))
            }
            let blocks = try await test.store.client.query("SELECT rows FROM view_blocks")
            let sizes = try blocks.map { try $0.decode(Int64.self) }
            #expect(sizes.count >= 5 && sizes.allSatisfy { $0 <= Int64(2 * BlockRefresh.size) })
        }
    }

    @Test func `an index that another process brings up to date is left alone, its blocks too`() async throws {
        try await TestIndexes.with { test in
            try await test.put((0..<600).map { ("d\($0)", "{\"k\":\($0)}") })
            let index = try await test.index(try test.view("function (doc) { emit(doc.k, null) }"))
            let client = test.store.client
            try await client.execute("UPDATE view_indexes SET holder = 'x', held_until = now() + interval '1 hour'")
            #expect(try await !test.indexes.refresh(index))
            let blocks: PostgresQuery = "SELECT count(*) FROM view_blocks"
            #expect(try await client.query(blocks).first?.decode(Int64.self) == 1)
            try await client.execute("UPDATE view_indexes SET held_until = NULL")
            #expect(try await test.indexes.refresh(index))
            #expect(try await client.query(blocks).first?.decode(Int64.self) == 3)
        }
    }

    /// Asks for some groups, and how many rows stand in front of a key.
    private func compare(
        _ test: TestIndexes,
        _ index: ViewIndex,
        _ model: inout Model,
        _ round: Int,
        _ reduce: ([Int]) -> String
    ) async throws {
        let ends = [model.below(6), model.below(6)].sorted()
        let (first, last) = ([ends[0], 7], [ends[1], 23])
        let range = KeyRange(
            lower: KeyBound(key: try CollationKeys.of("\(first)")),
            upper: KeyBound(key: try CollationKeys.of("\(last)")),
            isDescending: round % 2 == 1
        )
        for level in 1...2 {
            let groups = model.groups(first, last, level: level).map { "\($0.name)=\(reduce($0.values))" }
            let found = try await test.groups(index, .level(level), range, page: round < 3 ? 1_000 : 3)
            #expect(found == (range.isDescending ? groups.reversed() : groups), "round \(round), level \(level)")
        }
        try await compareCounts(test, index, model, last, "round \(round)")
    }

    /// Asks how many rows there are, and how many stand in front of a key.
    private func compareCounts(
        _ test: TestIndexes,
        _ index: ViewIndex,
        _ model: Model,
        _ key: [Int],
        _ comment: Comment
    ) async throws {
        let counts = try await test.indexes.counts(
            of: index,
            place: 0,
            range: KeyRange(lower: KeyBound(key: try CollationKeys.of("\(key)"))),
            for: TestIndexes.administrator
        )
        let before = model.entries.values.count { $0.key.lexicographicallyPrecedes(key) }
        #expect(counts == ViewCounts(total: model.entries.count, before: before), comment)
    }
}
