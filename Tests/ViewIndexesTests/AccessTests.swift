import CouchProtocol
import DocumentStore
import JSON
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// Whose rows a caller sees.
@Suite(.database, .serialized) struct AccessTests {
    private let ann = Caller.user(name: "ann", groups: ["red"])
    private let bob = Caller.user(name: "bob", groups: ["red", "blue"])
    private let cy = Caller.user(name: "cy", groups: [])

    @Test func `rows, counts and reductions are those of readable documents`() async throws {
        try await TestIndexes.with { test in
            try await test.put("everybody", #"{"n":1}"#)
            try await test.put("anns", #"{"n":2}"#, tags: Tags(owner: "ann"))
            try await test.put("reds", #"{"n":4}"#, tags: Tags(groups: ["red"]))
            try await test.put("both", #"{"n":8}"#, tags: Tags(owner: "ann", groups: ["blue", "red"]))
            try await test.put("blues", #"{"n":16}"#, tags: Tags(groups: ["blue"]))
            let views = try test.view("function (doc) { emit(doc.n, doc.n) }", reduce: "_sum")
            let index = try await test.index(views)
            for (caller, numbers) in [
                (TestIndexes.administrator, [1, 2, 4, 8, 16]), (ann, [1, 2, 4, 8]), (bob, [1, 4, 8, 16]), (cy, [1]),
                (.anonymous, [1]),
            ] {
                let keys = try await test.rows(index, by: caller).map { $0.prefix { $0 != "=" } }
                #expect(keys == numbers.map { "\($0)"[...] })
                #expect(try await test.rows(index, by: caller, page: 1).count == numbers.count)
                #expect(
                    try await test.rows(index, KeyRange(isDescending: true), by: caller, page: 2).count == numbers.count
                )
                #expect(
                    try await test.groups(index, .none, by: caller) == ["null=\(numbers.reduce(0, +))"]
                )
                let eight = KeyBound(key: try CollationKeys.of("8"))
                let counts = try await test.indexes.counts(
                    of: index,
                    place: 0,
                    range: KeyRange(lower: eight),
                    for: caller
                )
                #expect(counts == ViewCounts(total: numbers.count, before: numbers.count { $0 < 8 }))
                let backwards = try await test.indexes.counts(
                    of: index,
                    place: 0,
                    range: KeyRange(upper: eight, isDescending: true),
                    for: caller
                )
                #expect(backwards == ViewCounts(total: numbers.count, before: numbers.count { $0 > 8 }))
            }
        }
    }

    @Test func `an index that is behind shows nothing that was taken or given`() async throws {
        try await TestIndexes.with { test in
            try await test.put("a", #"{"n":1}"#, tags: Tags(owner: "ann"))
            try await test.put("b", #"{"n":2}"#)
            let views = try test.view("function (doc) { emit(doc.n, doc.n) }", reduce: "_count")
            let index = try await test.index(views)
            #expect(try await test.rows(index, by: ann).count == 2)
            // What was ann's is bob's now, and the public one was deleted; the index does not know yet.
            try await test.put("a", #"{"n":3}"#, tags: Tags(owner: "bob"))
            try await test.put("b", #"{"_deleted":true}"#)
            for caller in [ann, bob, cy] {
                #expect(try await test.rows(index, by: caller) == [])
                #expect(try await test.groups(index, .none, by: caller) == [])
                let counts = try await test.indexes.counts(of: index, place: 0, range: KeyRange(), for: caller)
                #expect(counts.total == 0)
            }
            let fresh = try await test.index(views)
            #expect(try await test.rows(fresh, by: ann) == [])
            #expect(try await test.rows(fresh, by: bob) == ["3=3@a"])
            // Membership is that of the moment.
            try await test.put("g", #"{"n":5}"#, tags: Tags(groups: ["red"]))
            let later = try await test.index(views)
            #expect(try await test.rows(later, by: ann) == ["5=5@g"])
            #expect(try await test.rows(later, by: .user(name: "ann", groups: [])) == [])
        }
    }

    @Test func `maps see conflicts of those only who read the winner`() async throws {
        try await TestIndexes.with { test in
            for (hash, tags) in [
                ("a", Tags(owner: "ann")), ("b", Tags(owner: "bob")), ("c", Tags(owner: "ann")),
            ] {
                let edit = DocumentEdit(
                    id: DocumentID(stored: "d"),
                    revision: .made(
                        RevisionPath(
                            start: 1,
                            hashes: [try RevisionID(parsing: "1-" + String(repeating: hash, count: 32)).hash]
                        )
                    ),
                    isDeleted: false,
                    body: DocumentBody(bytes: Array("{}".utf8), isFaithfulInJSONB: true),
                    tags: AskedTags(tags)
                )
                _ = try await test.store.write([edit], to: test.database, by: TestIndexes.administrator)
            }
            let views = try test.view(
                "function (doc) { emit(doc._rev.slice(0, 4), (doc._conflicts || []).map(function (r) { return r.slice(0, 4) })) }"
            )
            let index = try await test.index(views)
            #expect(try await test.rows(index) == [#""1-cc"=["1-aa"]@d"#])
            #expect(try await test.rows(index, by: bob) == [], "the winner is another's")
        }
    }
}
