import CouchProtocol
import DocumentStore
import JSON
import Mango
import TestSupport
import Testing

@testable import ViewIndexes

/// What an answer of `_find` rests on: rights, freshness, statistics.
@Suite(.database) struct FindTests {
    @Test func `an index is read, and no more of it than the range`() async throws {
        let stage = try await FindStage.make()
        try await stage.index("n", ["n"])
        for number in 0..<60 { try await stage.put("d\(number)", ["n": .number(JSONNumber(number)), "x": 1]) }
        let found = try await stage.find(["selector": ["n": ["$gte": 10, "$lt": 20]]])
        #expect(found.ids == (10..<20).map { "d\($0)" })
        // The row at the open end is read, as in CouchDB.
        #expect(found.statistics == FindRun.Statistics(keysExamined: 11, documentsExamined: 11, found: 10))
        let covered = try await stage.find(["selector": ["n": ["$lte": 3]], "fields": ["n"], "sort": [["n": "desc"]]])
        #expect(covered.documents == [["n": 3], ["n": 2], ["n": 1], ["n": 0]])
        #expect(covered.statistics.documentsExamined == 0 && covered.statistics.keysExamined == 4)
        let page = try await stage.find(["selector": ["n": ["$gt": 5]], "skip": 2, "limit": 3])
        #expect(page.ids == ["d8", "d9", "d10"] && page.statistics.keysExamined < 8)
        await stage.close()
    }

    @Test func `what is asked without update is what the index has`() async throws {
        let stage = try await FindStage.make()
        try await stage.index("n", ["n"])
        try await stage.put("one", ["n": 1])
        let query: JSONObject = ["selector": ["n": ["$gt": 0]]]
        #expect(try await stage.find(query.merging(["update": false])).ids.isEmpty)
        #expect(try await stage.find(query).ids == ["one"])
        try await stage.put("two", ["n": 2])
        #expect(try await stage.find(query.merging(["stale": "ok"])).ids == ["one"])
        #expect(try await stage.find(query).ids == ["one", "two"])
        try await stage.put("one", nil)
        #expect(try await stage.find(query.merging(["update": false])).ids == ["two"])
        await stage.close()
    }

    @Test func `a user finds readable documents alone, and counts no others`() async throws {
        let stage = try await FindStage.make()
        try await stage.index("n", ["n"])
        for number in 0..<40 {
            let tags = Tags(owner: number.isMultiple(of: 4) ? "ann" : "bob", groups: [])
            try await stage.put("d\(number)", ["n": .number(JSONNumber(number))], tags: tags)
        }
        let ann = Caller.user(name: "ann", groups: [])
        for selector in [["n": ["$gte": 0]], ["~owner": ["$exists": true]]] as [JSONValue] {
            let found = try await stage.find(["selector": selector, "limit": 100], ann)
            #expect(Set(found.ids) == Set((0..<10).map { "d\($0 * 4)" }), "\(selector.text)")
            #expect(found.statistics == FindRun.Statistics(keysExamined: 10, documentsExamined: 10, found: 10))
        }
        // A key that the index still has, of a document that was taken from her.
        try await stage.put("d0", ["n": 0], tags: Tags(owner: "bob", groups: []))
        #expect(try await stage.find(["selector": ["n": 0], "fields": ["n"], "update": false], ann).documents.isEmpty)
        await stage.close()
    }

    @Test func `whoever may not read a design document has not its indexes`() async throws {
        let stage = try await FindStage.make()
        let index = try await stage.index("n", ["n"])
        let ann = Caller.user(name: "ann", groups: [])
        #expect(try await stage.catalogue.indexes(in: stage.database, for: ann) == [index])
        let request = try IndexRequest(parsing: ["index": ["fields": ["n"]], "ddoc": "secret"])
        try await stage.put("_design/secret", try request.added(to: nil), tags: Tags(owner: "bob", groups: []))
        #expect(try await stage.catalogue.indexes(in: stage.database, for: ann) == [index])
        #expect(try await stage.catalogue.indexes(in: stage.database, for: FindStage.administrator).count == 2)
        await stage.close()
    }

    @Test func `conflicts are told to who asks, and can be indexed`() async throws {
        let stage = try await FindStage.make()
        try await stage.index("c", ["_conflicts"])
        for hash in ["1-aa", "1-bb"] {
            let edit = DocumentEdit(
                id: DocumentID(stored: "doc"),
                revision: .made(RevisionPath(try RevisionID(parsing: hash))),
                body: DocumentBody(bytes: Array(#"{"a":1}"#.utf8), isFaithfulInJSONB: true),
                tags: AskedTags()
            )
            _ = try await stage.store.write([edit], to: stage.database, by: FindStage.administrator)
        }
        let query: JSONObject = ["selector": ["_conflicts": ["$exists": true]], "conflicts": true]
        let found = try await stage.find(query)
        #expect(found.plan.index?.index != nil)
        #expect(found.documents == [["_id": "doc", "_rev": "1-bb", "_conflicts": ["1-aa"], "a": 1]])
        let all = try await stage.find(["selector": ["a": 1], "conflicts": true])
        #expect(all.documents == found.documents)
        await stage.close()
    }

    @Test func `the order of an index's fields is kept`() async throws {
        let stage = try await FindStage.make()
        let index = try await stage.index("order", ["zz", "a"])
        #expect(try await stage.catalogue.indexes(in: stage.database, for: FindStage.administrator) == [index])
        #expect(index.columns.map(\.path.text) == ["zz", "a"])
        await stage.close()
    }

    @Test func `a bookmark of another kind of query is refused`() async throws {
        let stage = try await FindStage.make()
        try await stage.index("n", ["n"])
        try await stage.put("one", ["n": 1])
        let byIndex = try await stage.find(["selector": ["n": 1]]).bookmark
        let byID = try await stage.find(["selector": ["_id": "one"]]).bookmark
        let cases: [(JSONValue, Bookmark?)] = [(["_id": "one"] as JSONValue, byIndex), (["n": 1] as JSONValue, byID)]
        for (selector, bookmark) in cases {
            let text = try #require(bookmark?.text)
            let error = await #expect(throws: CouchError.self) {
                try await stage.find(["selector": selector, "bookmark": .string(text)])
            }
            #expect(error?.error == "invalid_bookmark")
        }
        await stage.close()
    }
}
