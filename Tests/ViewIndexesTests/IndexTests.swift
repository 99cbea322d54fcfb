import Collation
import CouchProtocol
import DocumentStore
import JSON
import ScriptHosting
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// How the rows of an index follow the documents.
@Suite(.database, .serialized) struct IndexTests {
    @Test func `rows follow what is written, changed and deleted`() async throws {
        try await TestIndexes.with { test in
            try await test.put([("a", #"{"n":2}"#), ("b", #"{"n":1}"#), ("_design/y", #"{"n":9}"#)])
            let views = try test.view("function (doc) { emit(doc.n, doc._id); if ('m' in doc) emit(doc.m, null); }")
            var index = try await test.index(views)
            #expect(try await test.rows(index) == [#"1="b"@b"#, #"2="a"@a"#])
            try await test.put([("a", #"{"n":3,"m":0}"#), ("c", #"{"n":1}"#)])
            #expect(try await test.rows(index) == [#"1="b"@b"#, #"2="a"@a"#], "nothing is done before it is asked for")
            index = try await test.index(views)
            #expect(try await test.rows(index) == ["0=null@a", #"1="b"@b"#, #"1="c"@c"#, #"3="a"@a"#])
            try await test.put("b", #"{"_deleted":true}"#)
            index = try await test.index(views)
            #expect(try await test.rows(index) == ["0=null@a", #"1="c"@c"#, #"3="a"@a"#])
            #expect(try await test.rows(index, page: 1) == ["0=null@a", #"1="c"@c"#, #"3="a"@a"#])
            #expect(
                try await test.rows(index, KeyRange(isDescending: true), page: 1)
                    == [#"3="a"@a"#, #"1="c"@c"#, "0=null@a"]
            )
        }
    }

    @Test func `design documents with the same functions share an index`() async throws {
        try await TestIndexes.with { test in
            let (one, other) = ("function (doc) { emit(1) }", "function (doc) { emit(2) }")
            func design(_ first: String, _ second: String) -> String {
                JSONValue.object(["views": ["\(first)": ["map": .string(one)], "\(second)": ["map": .string(other)]]])
                    .text
            }
            let (views, same) = (try test.views(design("a", "b")), try test.views(design("z", "c")))
            #expect(views.index.signature == same.index.signature)
            #expect(views.views["a"]?.place == same.views["z"]?.place)
            let index = try await test.index(views)
            #expect(try await test.index(same).id == index.id)
            let raw = try test.view(one, options: ["collation": "raw"])
            #expect(try await test.index(raw).id != index.id)
            #expect(try await test.indexes.cleanUp(test.database, keeping: [raw.index.signature]) == 1)
            let anew = try await test.index(views)
            #expect(anew.id != index.id, "an index that was taken away is made again")
        }
    }

    @Test func `a library, local_seq and include_design are seen`() async throws {
        try await TestIndexes.with { test in
            try await test.put([("a", "{}"), ("_design/d", "{}")])
            let text = #"""
                {"views":{"lib":{"m":"exports.f = function (n) { return n * 2 }"},
                "v":{"map":"function (doc) { emit(doc._id, require('views/lib/m').f(doc._local_seq)) }"}},
                "options":{"local_seq":true,"include_design":true}}
                """#
            let index = try await test.index(try test.views(text))
            #expect(try await test.rows(index) == [#""_design/d"=4@_design/d"#, #""a"=2@a"#])
        }
    }

    @Test func `what was purged is gone from the index`() async throws {
        try await TestIndexes.with { test in
            try await test.put([("a", #"{"n":1}"#), ("b", #"{"n":2}"#)])
            let views = try test.view("function (doc) { emit(doc.n, null) }")
            _ = try await test.index(views)
            let found = try #require(
                try await test.store.document(
                    DocumentID(stored: "a"),
                    in: test.database,
                    for: TestIndexes.administrator
                )
            )
            _ = try await test.store.purge(
                [DocumentRevisions(id: found.id, revisions: [found.revision])],
                in: test.database,
                by: TestIndexes.administrator,
                traceID: nil
            )
            let index = try await test.index(views)
            #expect(try await test.rows(index) == ["2=null@b"])
            let counts = try await test.indexes.counts(
                of: index,
                place: 0,
                range: KeyRange(),
                for: TestIndexes.administrator
            )
            #expect(counts.total == 1)
        }
    }

    @Test func `keys longer than an index takes are in order, and longer ones are refused by name`() async throws {
        try await TestIndexes.with { test in
            let views = try test.view(
                """
                function (doc) {
                    var text = ''; for (var i = 0; i < 4000; i++) text += 'k';
                    if (doc.huge) { text = new Array(400000).join('x') }
                    emit(text + doc.n, doc.n)
                }
                """
            )
            let numbers = [5, 3, 9, 1, 7, 2, 8]
            try await test.put(numbers.map { ("d\(10 - $0)", #"{"n":\#($0)}"#) } + [("huge", #"{"huge":true,"n":0}"#)])
            let index = try await test.index(views)
            for page in [2, 100] {
                var scan = ViewScan(index, place: 0, range: KeyRange(), caller: TestIndexes.administrator)
                var found: [String] = []
                while true {
                    let rows = try await scan.next(page, from: test.store.client)
                    if rows.isEmpty { break }
                    found += rows.map { String(decoding: $0.value, as: UTF8.self) }
                }
                #expect(found == numbers.sorted().map(String.init))
            }
            let key = try CollationKey(Array(#""\#(String(repeating: "k", count: 4_000))5""#.utf8)[...]).bytes
            var scan = ViewScan(index, place: 0, range: KeyRange(key: key), caller: TestIndexes.administrator)
            let rows = try await scan.next(10, from: test.store.client)
            #expect(rows.map { String(decoding: $0.value, as: UTF8.self) } == ["5"])
            let info = try await test.indexes.information(index)
            #expect(info.skipped == 1)
            #expect(info.failures.first?.document == "huge")
            #expect(info.failures.first?.reason.contains("longer") ?? false)
        }
    }

    @Test func `several processes that build at once build one index`() async throws {
        try await TestIndexes.with { test in
            try await test.put((0..<3_000).map { ("d\($0)", #"{"n":\#($0)}"#) })
            let views = try test.view("function (doc) { emit(doc.n, null) }", reduce: "_sum")
            let others = (0..<3).map {
                ViewIndexes(test.store, holder: "other\($0)", logger: test.indexes.logger)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for indexes in others + [test.indexes] {
                    group.addTask {
                        let index = try await indexes.index(views.index, in: test.database, reducers: views.reducers)
                        _ = try await indexes.bringUpToDate(index)
                    }
                }
                try await group.waitForAll()
            }
            let index = try await test.index(views)
            #expect(try await test.rows(index, page: 1_000).count == 3_000)
            let info = try await test.indexes.information(index)
            #expect(info.rows == 3_000 && info.updateSeq == 3_000 && !info.isUpdating)
        }
    }
}
