import Collation
import CouchProtocol
import DocumentStore
import JSON
import Postgres
import TestSupport
import Testing

@testable import ViewIndexes

/// What rows are reduced to.
@Suite(.database, .serialized) struct ReduceTests {
    @Test func `the built-in functions are CouchDB's`() async throws {
        try await TestIndexes.with { test in
            let values = ["2", "[3,5,7]", "[0,0,0,42]", "1", "3"]
            try await test.put(values.enumerated().map { ("d\($0)", #"{"k":\#($0 % 2),"v":\#($1)}"#) })
            let map = "function (doc) { emit(doc.k, doc.v) }"
            let numbers = "function (doc) { emit(doc.k, doc._id.slice(1) * 1) }"
            for (function, text, expected) in [
                (map, "_sum", "null=[9,5,7,42]"), (map, "_count", "null=5"),
                (numbers, "_sum", "null=10"),
                (numbers, "_stats", #"null={"sum":10,"count":5,"min":0,"max":4,"sumsqr":30}"#),
                (numbers, "_approx_count_distinct", "null=2"), (numbers, "_top_2", "null=[4,3]"),
                (numbers, "_bottom_3", "null=[0,1,2]"), (numbers, "_first", "null=0"), (numbers, "_last", "null=3"),
                (
                    "function (doc) { emit(1, {a: 1, b: {c: [1, doc.k]}}) }", "_sum",
                    #"null={"a":5,"b":{"c":[5,2]}}"#
                ),
                (
                    "function (doc) { emit(1, [doc.k, {sum: 1, count: 2, min: 0, max: 5, sumsqr: 3}]) }", "_stats",
                    #"null=[{"sum":2,"count":5,"min":0,"max":1,"sumsqr":2},{"sum":5,"count":10,"min":0,"max":5,"sumsqr":15}]"#
                ),
                (numbers, "function (keys, values, rereduce) { return rereduce ? sum(values) : values.length }", "null=5"),
                (numbers, "function (keys) { return keys.map(function (k) { return k[1] }).sort().join() }", #"null="d0,d1,d2,d3,d4""#),
            ] {
                let index = try await test.index(try test.view(function, reduce: text))
                #expect(try await test.groups(index, .none) == [expected], "\(text)")
                #expect(try await test.groups(index, .none, KeyRange(isDescending: true)).count == 1, "\(text)")
            }
            let wrong = try await test.index(try test.view("function (doc) { emit(1, 'x') }", reduce: "_sum"))
            let answer = try await test.groups(wrong, .none)
            #expect(answer.first?.contains("builtin_reduce_error") ?? false)
            await #expect(throws: CouchError.self) {
                let stats = try await test.index(try test.view("function (doc) { emit(1, 'x') }", reduce: "_stats"))
                _ = try await test.groups(stats, .none)
            }
            #expect(throws: CouchError.self) { try test.view(map, reduce: "_mean") }
        }
    }

    @Test func `groups are those of keys and of their beginnings`() async throws {
        try await TestIndexes.with { test in
            let keys = [#"["a",1,1]"#, #"["a",1,2]"#, #"["a",2]"#, #"["b"]"#, "7", #""a""#, #"["a",1,2]"#, #"["a",1]"#]
            try await test.put(keys.enumerated().map { ("d\($0)", #"{"k":\#($1)}"#) })
            let index = try await test.index(try test.view("function (doc) { emit(doc.k, 1) }", reduce: "_count"))
            #expect(try await test.groups(index, .none) == ["null=8"])
            #expect(try await test.groups(index, .level(1)) == ["7=1", #""a"=1"#, #"["a"]=5"#, #"["b"]=1"#])
            #expect(
                try await test.groups(index, .level(2))
                    == ["7=1", #""a"=1"#, #"["a",1]=4"#, #"["a",2]=1"#, #"["b"]=1"#]
            )
            #expect(
                try await test.groups(index, .exact)
                    == ["7=1", #""a"=1"#, #"["a",1]=1"#, #"["a",1,1]=1"#, #"["a",1,2]=2"#, #"["a",2]=1"#, #"["b"]=1"#]
            )
            let range = KeyRange(
                lower: KeyBound(key: try CollationKeys.of(#"["a",1,2]"#)),
                upper: KeyBound(key: try CollationKeys.of(#"["b"]"#), isIncluded: false)
            )
            #expect(try await test.groups(index, .level(1), range) == [#"["a"]=3"#])
            var backwards = range
            backwards.isDescending = true
            #expect(try await test.groups(index, .level(2), backwards, page: 1) == [#"["a",2]=1"#, #"["a",1]=2"#])
            #expect(try await test.groups(index, .level(1), page: 1).count == 4)
        }
    }

    @Test func `blocks give what all rows give, whatever changes`() async throws {
        var random = SeededGenerator.announced()
        let generator = random
        try await TestIndexes.with { test in
            var random = generator
            var documents: [Int: (key: [Int], value: Int)] = [:]
            func change(_ numbers: [Int]) async throws {
                var batch: [(id: String, body: String)] = []
                for number in Set(numbers) {
                    let isGone = documents[number] != nil && Int.random(in: 0..<4, using: &random) == 0
                    guard !isGone else {
                        documents[number] = nil
                        batch.append(("d\(number)", #"{"_deleted":true}"#))
                        continue
                    }
                    let key = [Int.random(in: 0..<6, using: &random), Int.random(in: 0..<40, using: &random)]
                    let value = Int.random(in: -100...100, using: &random)
                    documents[number] = (key, value)
                    batch.append(("d\(number)", #"{"k":[\#(key[0]),\#(key[1])],"v":\#(value)}"#))
                }
                try await test.put(batch)
            }
            let map = "function (doc) { emit(doc.k, doc.v) }"
            let views = [
                try test.view(map, reduce: "_sum"), try test.view(map, reduce: "_stats"),
                try test.view(map, reduce: "function (keys, values) { return sum(values) }"),
            ]
            try await change(Array(0..<2_500))
            for round in 0..<6 {
                for (place, views) in views.enumerated() {
                    let index = try await test.index(views)
                    let (low, high) = (Int.random(in: 0..<6, using: &random), Int.random(in: 0..<6, using: &random))
                    let range = KeyRange(
                        lower: KeyBound(key: try CollationKeys.of("[\(min(low, high)),7]")),
                        upper: KeyBound(key: try CollationKeys.of("[\(max(low, high)),23]")),
                        isDescending: round % 2 == 1
                    )
                    for level in 1...2 {
                        let chosen = documents.values.filter { entry in
                            !entry.key.lexicographicallyPrecedes([min(low, high), 7])
                                && !([max(low, high), 23] as [Int]).lexicographicallyPrecedes(entry.key)
                        }
                        let groups = Dictionary(grouping: chosen) { Array($0.key.prefix(level)) }
                        let keys = groups.keys.sorted { $0.lexicographicallyPrecedes($1) }
                        let expected = (range.isDescending ? keys.reversed() : keys).map { key in
                            let values = (groups[key] ?? []).map(\.value)
                            let name = "[\(key.map(String.init).joined(separator: ","))]"
                            guard place == 1 else { return "\(name)=\(values.reduce(0, +))" }
                            return "\(name)={\"sum\":\(values.reduce(0, +)),\"count\":\(values.count),"
                                + "\"min\":\(values.min() ?? 0),\"max\":\(values.max() ?? 0),"
                                + "\"sumsqr\":\(values.map { $0 * $0 }.reduce(0, +))}"
                        }
                        let found = try await test.groups(index, .level(level), range, page: round < 3 ? 1_000 : 3)
                        #expect(found == expected, "round \(round), level \(level)")
                    }
                    let edge = KeyRange(lower: KeyBound(key: try CollationKeys.of("[\(low),\(high)]")))
                    let counts = try await test.indexes.counts(
                        of: index,
                        place: 0,
                        range: edge,
                        for: TestIndexes.administrator
                    )
                    let before = documents.values.count { $0.key.lexicographicallyPrecedes([low, high]) }
                    #expect(counts == ViewCounts(total: documents.count, before: before))
                }
                try await change((0..<60).map { _ in Int.random(in: 0..<2_600, using: &random) })
            }
            let blocks = try await test.store.client.query("SELECT count(*), sum(rows)::bigint FROM view_blocks")
            let (count, rows) = try #require(blocks.first).decode(Int64.self, Int64.self)
            #expect(count > 20)
            let all = try await test.store.client.query("SELECT count(*) FROM view_rows WHERE NOT echo")
            #expect(try all.first?.decode(Int64.self) == rows)
        }
        _ = random.next()
    }

    @Test func `how many distinct keys there are is known roughly, and small numbers exactly`() {
        var filter = HyperLogLog()
        var other = HyperLogLog()
        for number in 0..<10 { filter.insert(Array("\(number)".utf8)) }
        #expect(filter.estimate == 10)
        #expect(HyperLogLog(filter.bytes).estimate == 10)
        for number in 5..<100_000 { other.insert(Array("\(number)".utf8)) }
        filter.merge(HyperLogLog(other.bytes))
        #expect(90_000...110_000 ~= filter.estimate)
    }
}
