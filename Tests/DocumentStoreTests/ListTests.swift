import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

@Suite(.database) struct ListTests {
    private let ann = Caller.user(name: "ann", groups: ["red"])

    private func ids(
        _ range: DocumentRange,
        _ store: TestStore,
        for caller: Caller,
        size: Int
    ) async throws -> [String] {
        var found: [String] = []
        var next: DocumentRange? = range
        while let range = next {
            let page = try await store.store.listDocuments(in: range, of: store.database, for: caller, size: size)
            #expect(page.documents.count <= size)
            found += page.documents.map(\.id.text)
            next = page.next
        }
        return found
    }

    /// What is remembered of a count is what a count would say.
    @Test func `counts follow whatever changes what a user may read`() async throws {
        let store = try await TestStore.make()
        var groups: Set<ExactText> = []
        func check(_ live: Int, _ deleted: Int = 0, _ location: SourceLocation = #_sourceLocation) async throws {
            let user = Caller.user(name: "ann", groups: groups)
            for _ in 0..<2 {
                let counts = try await store.store.counts(in: store.database, for: user)
                #expect(counts == DocumentCounts(live: live, deleted: deleted), sourceLocation: location)
            }
        }
        try await check(0)
        let first = try await store.put("a")
        try await check(1)
        let other = try await store.put("b", tags: Tags(groups: ["red"]))
        try await check(1)
        try await store.store.addMember("ann", to: "red", by: .administrator)
        groups = ["red"]
        try await check(2)
        try await store.put("c", tags: Tags(owner: "bob"))
        try await check(2)
        let second = try await store.put("a", after: first, tags: Tags(owner: "bob"))
        try await check(1)
        let third = try await store.put("a", after: second, tags: Tags(owner: "ann"))
        try await check(2)
        try await store.put("a", after: third, deleted: true, tags: Tags(owner: "ann"))
        try await check(1, 1)
        try await store.graft("d", ["2-aa"], tags: Tags(owner: "ann"))
        try await store.graft("d", ["3-bb"], tags: Tags(owner: "bob"))
        try await check(2, 1)
        try await store.graft("d", ["3-cc", "2-aa"], tags: Tags(owner: "ann"), deleted: true)
        try await check(1, 2)
        _ = try await store.store.purge(
            [DocumentRevisions(id: DocumentID(stored: "b"), revisions: [other])],
            in: store.database,
            by: TestStore.administrator,
            traceID: nil
        )
        try await check(0, 2)
        try await store.store.removeMember("ann", from: "red", by: .administrator)
        groups = []
        try await check(0, 2)
        await store.close()
    }

    /// Pages of every size give the same rows as a list that holds them all.
    @Test(arguments: [1, 2, 3, 100])
    func `a list in pages is the whole list`(size: Int) async throws {
        let store = try await TestStore.make()
        try await store.store.setGroups(["red"], of: "ann", by: .administrator)
        var random = SeededGenerator(seed: 7)
        var expected: [String] = []
        for number in 0..<40 {
            let id = "d\(number < 10 ? "0" : "")\(number)"
            let tags = [Tags(owner: "ann"), Tags(owner: "bob"), Tags(groups: ["red", "blue"]), Tags.none].randomElement(
                using: &random
            )
            let revision = try await store.put(id, tags: tags ?? .none)
            let isDeleted = Bool.random(using: &random)
            if isDeleted { try await store.put(id, after: revision, deleted: true) }
            if !isDeleted, tags != Tags(owner: "bob") { expected.append(id) }
        }
        // Ann does not see the winner of this one, and does not see the next one at all.
        try await store.graft("d50", ["2-aa"], tags: Tags(owner: "ann"))
        try await store.graft("d50", ["3-bb"], tags: Tags(owner: "bob"))
        try await store.graft("d51", ["2-aa"], tags: Tags(owner: "ann"), deleted: true)
        try await store.graft("d51", ["3-bb"], tags: Tags(owner: "bob"))
        expected.append("d50")
        var range = DocumentRange()
        #expect(try await ids(range, store, for: ann, size: size) == expected)
        range.skip = 5
        range.limit = 7
        #expect(try await ids(range, store, for: ann, size: size) == Array(expected.dropFirst(5).prefix(7)))
        range.isDescending = true
        #expect(try await ids(range, store, for: ann, size: size) == Array(expected.reversed().dropFirst(5).prefix(7)))
        range = DocumentRange()
        (range.first, range.last, range.includesLast) = ("d10", "d30", false)
        let inside = expected.filter { $0 >= "d10" && $0 < "d30" }
        #expect(try await ids(range, store, for: ann, size: size) == inside)
        #expect(
            try await store.store.offset(of: range, in: store.database, for: ann)
                == expected.filter { $0 < "d10" }.count
        )
        let counts = try await store.store.counts(in: store.database, for: ann)
        #expect(counts.live == expected.count)
        let readable = try await store.store.changes(
            in: store.database,
            since: .beginning,
            limit: 1_000,
            allLeaves: false,
            for: ann
        )
        #expect(counts.live + counts.deleted == readable.changes.count)
        await store.close()
    }

    @Test func `documents with branches are counted in more than one step`() async throws {
        let store = try await TestStore.make()
        // Each is as large as a history may be, so that some fit into a step.
        for index in 0..<40 {
            let edits = (0..<12).map { branch in
                let path = (0..<20).map { "\(20 - $0)-\(branch).\($0)\(String(repeating: "x", count: 240))" }
                let tags = Tags(owner: branch == 3 || index % 4 == 0 ? "ann" : "bob")
                return DocumentEdit.made("d\(index)", path, tags: AskedTags(tags), deleted: index % 4 == 1)
            }
            _ = try await store.store.write(edits, to: store.database, by: TestStore.administrator)
        }
        let counts = try await store.store.counts(in: store.database, for: ann)
        #expect(counts == DocumentCounts(live: 30, deleted: 10))
        #expect(
            try await store.store.counts(in: store.database, for: .user(name: "eve", groups: [])) == DocumentCounts()
        )
        await store.close()
    }

    @Test func `design documents are listed by themselves`() async throws {
        let store = try await TestStore.make()
        for id in ["a", "_design/x", "_design/y", "_design0", "z"] where id != "_design0" { try await store.put(id) }
        var range = DocumentRange()
        range.onlyDesigns = true
        #expect(try await ids(range, store, for: TestStore.administrator, size: 1) == ["_design/x", "_design/y"])
        #expect(try await store.store.designCount(in: store.database, for: ann) == 2)
        await store.close()
    }

    @Test func `a user's last place moves with what is the user's alone`() async throws {
        let store = try await TestStore.make()
        func place() async throws -> Int { try await store.store.lastPlace(in: store.database, for: ann) }
        #expect(try await place() == 0)
        try await store.put("a", tags: Tags(owner: "bob"))
        #expect(try await place() == 0)
        try await store.put("b", tags: Tags(owner: "ann"))
        #expect(try await place() == 2)
        try await store.put("c", tags: Tags(groups: ["blue"]))
        #expect(try await place() == 2)
        try await store.put("d", tags: Tags(groups: ["red"]))
        #expect(try await place() == 4)
        await store.close()
    }
}
