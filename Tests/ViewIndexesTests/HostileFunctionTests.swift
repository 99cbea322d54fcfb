import CouchProtocol
import JSON
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewRules

@testable import DocumentStore
@testable import ViewIndexes

/// Functions that take more than they may.
@Suite(.database, .serialized) struct HostileFunctionTests {
    private var limits: ScriptLimits {
        var limits = ScriptLimits.impatient
        limits.outputSize = 1 << 20
        return limits
    }

    @Test(arguments: [
        "while (true) {}", "var x = 'x'; while (true) x += x", "function f() { return f() + 1 } f()",
        "var x = new Array(4 << 20).join('x'); emit(1, x)", "doc.n = {}; doc.me = doc; emit(doc.me, doc)",
    ])
    func `a document at which a map fails is left out, and all others are there`(_ code: String) async throws {
        try await TestIndexes.with(limits) { test in
            try await test.put((0..<40).map { ("d\($0)", #"{"n":\#($0)}"#) })
            let both = JSONValue.object([
                "views": [
                    "bad": ["map": .string("function (doc) { if (doc.n === 17) { \(code) } emit(doc.n, 1) }")],
                    "good": ["map": "function (doc) { emit(doc.n, 2) }"],
                ]
            ])
            let views = try test.views(both.text)
            let index = try await test.index(views)
            for (name, count) in [("bad", 39), ("good", 40)] {
                let place = try #require(views.views[ExactText(name)]?.place)
                var scan = ViewScan(index, place: place, range: KeyRange(), caller: TestIndexes.administrator)
                #expect(try await scan.next(100, from: test.store.client).count == count, "\(name)")
            }
            let info = try await test.indexes.information(index)
            #expect(info.skipped == 1)
            #expect(info.failures.first?.document == "d17")
            #expect(info.failures.first?.reason.contains("_design/x/_view/bad map") ?? false, "\(info.failures)")
        }
    }

    @Test func `a catastrophic regular expression holds up nobody`() async throws {
        try await TestIndexes.with(limits) { test in
            try await test.put((0..<40).map { ("d\($0)", #"{"n":\#($0)}"#) })
            let map =
                "function (doc) { if (doc.n === 17) /.*.*.*.*.*b/.test(new Array(10000).join('a')); emit(doc.n, 1) }"
            #expect(try await test.rows(try await test.index(try test.view(map))).count == 39)
        }
    }

    @Test func `a map that can do with no document is an error that names it`() async throws {
        try await TestIndexes.with(limits) { test in
            try await test.put((0..<40).map { ("d\($0)", "{}") })
            let views = try test.view("function (doc) { while (true) {} }")
            do {
                _ = try await test.index(views)
                Issue.record("there is no error")
            } catch let error as CouchError {
                #expect(error.error == "timeout" && error.reason.contains("_design/x/_view/v map"), "\(error)")
            }
            let other = try await test.index(try test.view("function (doc) { emit(1) }"))
            #expect(try await test.rows(other).count == 40)
        }
    }

    @Test(arguments: [
        ("function (keys, values) { while (true) {} }", "timeout"),
        ("function (keys, values) { return new Array(100000).join('x') }", "reduce_overflow_error"),
        ("function (keys, values) { return values", "compilation_error"),
    ])
    func `a reduce that fails is an error that names it`(_ reduce: String, _ expected: String) async throws {
        try await TestIndexes.with(limits) { test in
            try await test.put((0..<40).map { ("d\($0)", "{}") })
            let index = try await test.index(try test.view("function (doc) { emit(1, 1) }", reduce: reduce))
            do {
                _ = try await test.groups(index, .none)
                Issue.record("there is no error")
            } catch let error as CouchError {
                #expect(error.error == expected && error.reason.contains("_design/x/_view/v reduce"), "\(error)")
            }
            #expect(try await test.rows(index).count == 40, "the rows are there all the same")
        }
    }

    @Test func `rows that are too large for all groups of a document are left out, and all others are there`()
        async throws
    {
        try await TestIndexes.with { test in
            try await test.put("a", #"{"n":1}"#)
            let groups = (0..<140).map { "g\($0)" }
            try await test.put("b", #"{"n":1000000}"#, tags: Tags(groups: groups))
            try await test.put("c", #"{"n":2}"#, tags: Tags(groups: groups))
            let map = "function (doc) { emit(doc._id, 'x'.repeat(doc.n)) }"
            let index = try await test.index(try test.view(map))
            #expect(try await test.rows(index) == [#""a"="x"@a"#, #""c"="xx"@c"#])
            let info = try await test.indexes.information(index)
            #expect(info.failures.map(\.document) == ["b"])
        }
    }

    @Test func `what is written at once has a limit, however many groups documents have`() async throws {
        try await TestIndexes.with { test in
            let index = try await test.index(try test.view("function (doc) { emit(1) }"), isFresh: false)
            let value = [UInt8](repeating: UInt8(ascii: "1"), count: 1 << 20)
            let documents = (1...7).map { number in
                IndexableDocument(
                    number: Int64(number),
                    id: DocumentID(stored: "d\(number)"),
                    seq: number,
                    isDeleted: number == 3,
                    feeds: Array(1...10),
                    json: []
                )
            }
            let rows = [MapOutcome.rows([MapRow(key: [UInt8(ascii: "1")], value: value[...])])]
            var stretch = MappedStretch(documents, Array(repeating: rows, count: 6), of: index)
            var lasts: [Int] = []
            while let batch = stretch.next() { lasts.append(batch.last) }
            #expect(lasts == [5, 7])
        }
    }
}
