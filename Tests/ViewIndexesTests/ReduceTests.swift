import Collation
import CouchProtocol
import DocumentStore
import JSON
import TestSupport
import Testing
import ViewRules

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
                (
                    numbers, "function (keys, values, rereduce) { return rereduce ? sum(values) : values.length }",
                    "null=5"
                ),
                (
                    numbers, "function (keys) { return keys.map(function (k) { return k[1] }).sort().join() }",
                    #"null="d0,d1,d2,d3,d4""#
                ),
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

    @Test func `the least integer is a number like others`() async throws {
        try await TestIndexes.with { test in
            let values = ["-9223372036854775808", "-9223372036854775808e0", "9223372036854775807"]
            try await test.put(values.enumerated().map { ("d\($0)", #"{"v":\#($1)}"#) })
            let map = "function (doc) { emit(doc.v, doc.v) }"
            for text in ["_sum", "_stats", "_count", "_top_1", "_bottom_2", "_approx_count_distinct"] {
                let index = try await test.index(try test.view(map, reduce: text))
                #expect(try await test.groups(index, .none).count == 1, "\(text)")
                #expect(try await test.groups(index, .exact).count == 2, "\(text)")
            }
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

    @Test func `rows that are much larger than most do not make a page much larger`() async throws {
        try await TestIndexes.with { test in
            let text = String(repeating: "x", count: 1_000_000)
            try await test.put((0..<1_000).map { ("d\($0)", #"{"k":\#($0 % 10),"t":1}"#) }, tags: Tags(owner: "ann"))
            for start in stride(from: 0, to: 40, by: 10) {
                let large: [(id: String, body: String)] = (start..<start + 10).map {
                    ("e\($0)", #"{"k":\#(5 + $0 % 2),"t":"\#(text)"}"#)
                }
                try await test.put(large, tags: Tags(owner: "ann"))
            }
            let map = "function (doc) { emit([doc.k], doc.t) }"
            let index = try await test.index(try test.view(map, reduce: "_count"))
            let size = try await test.indexes.page(of: index, place: 0, bytes: 4 << 20, atMost: 1_000)
            #expect(size.rows > 50)
            let counts = (0..<10).map { "[\($0)]=\($0 == 5 || $0 == 6 ? 120 : 100)" }
            for caller in [TestIndexes.administrator, .user(name: "ann", groups: [])] {
                for isDescending in [false, true] {
                    let range = KeyRange(isDescending: isDescending)
                    var scan = ViewScan(index, place: 0, range: range, caller: caller, size: size)
                    var pages: [(rows: Int, bytes: Int)] = []
                    while true {
                        let rows = try await scan.next(size.rows, from: test.store.client)
                        if rows.isEmpty { break }
                        pages.append((rows.count, rows.reduce(0) { $0 + $1.value.count }))
                    }
                    #expect(pages.reduce(0) { $0 + $1.rows } == 1_040)
                    #expect(pages.allSatisfy { $0.bytes < 6_000_000 }, "\(pages)")
                    let found = try await test.groups(index, .exact, range, by: caller)
                    #expect(found == (isDescending ? counts.reversed() : counts))
                }
            }
        }
    }

    @Test func `a block's rows are read as far as memory goes`() async throws {
        try await TestIndexes.with { test in
            let text = String(repeating: "x", count: 1_000)
            try await test.put((0..<200).map { ("d\($0)", #"{"t":"\#(text)"}"#) })
            let index = try await test.index(try test.view("function (doc) { emit(1, doc.t) }", reduce: "_count"))
            var blocks = BlockReader(view: index.views[0], range: KeyRange(), kind: nil)
            let all = try await blocks.next(from: test.store.client)
            let some = try await BlockReader.rows(of: all, index.views[0], bytes: 10_000, from: test.store.client)
            #expect(some.map(\.count).reduce(0, +) == 10)
            let whole = try await BlockReader.rows(of: all, index.views[0], from: test.store.client)
            #expect(whole.map(\.count).reduce(0, +) == 200)
        }
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
