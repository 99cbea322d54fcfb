import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

/// What feeds ask besides their rows: their ends, what is still to come, and the changes of a few documents.
@Suite(.database) struct FeedEndsTests {
    private let ann = Caller.user(name: "ann", groups: ["red", "blue"])

    /// Documents of several feeds, some changed again, one deleted, one design document.
    private func fill(_ store: TestStore) async throws {
        for number in 0..<10 { try await store.put("all\(number)") }
        for number in 0..<5 { try await store.put("ann\(number)", tags: Tags(owner: "ann", groups: ["red"])) }
        for number in 0..<5 { try await store.put("bob\(number)", tags: Tags(owner: "bob")) }
        let revision = try await store.put("red", tags: Tags(groups: ["red"]))
        try await store.put("red", after: revision, tags: Tags(groups: ["red", "blue"]))
        let gone = try await store.put("gone", tags: Tags(owner: "ann"))
        try await store.put("gone", after: gone, deleted: true, tags: Tags(owner: "ann"))
        try await store.put("_design/d")
    }

    @Test func `what is pending is what a reader then reads`() async throws {
        let store = try await TestStore.make()
        try await store.store.setGroups(["red", "blue"], of: "ann", by: .administrator)
        try await fill(store)
        for caller in [TestStore.administrator, ann, .user(name: "bob", groups: []), .anonymous] {
            let all = try await store.store.changes(
                in: store.database,
                since: .beginning,
                limit: 1_000,
                allLeaves: false,
                for: caller
            )
            let places = [FeedPosition.beginning] + all.changes.map(\.position) + [all.end]
            for (index, place) in places.enumerated() {
                let pending = try await store.store.pending(in: store.database, since: place, for: caller)
                #expect(pending == max(0, all.changes.count - index), "\(caller) \(place)")
            }
        }
        await store.close()
    }

    @Test func `what is pending is right where a reader lost something or joined a group`() async throws {
        let store = try await TestStore.make()
        try await store.store.setGroups(["red"], of: "ann", by: .administrator)
        try await fill(store)
        try await store.store.setGroups(["red", "blue"], of: "ann", by: .administrator)
        let revision = try await store.put("lost", tags: Tags(owner: "ann"))
        let middle = try await store.store.info(store.database).updateSeq
        try await store.put("lost", after: revision, tags: Tags(owner: "bob"))
        for place in [FeedPosition.beginning, FeedPosition(3), FeedPosition(middle)] {
            let read = try await store.store.changes(
                in: store.database,
                since: place,
                limit: 1_000,
                allLeaves: false,
                for: ann
            )
            #expect(try await store.store.pending(in: store.database, since: place, for: ann) == read.changes.count)
        }
        await store.close()
    }

    @Test func `a few documents are found by their ids, as among all`() async throws {
        let store = try await TestStore.make()
        try await fill(store)
        let ids = ["ann1", "gone", "none", "all3", "red"].map { DocumentID(stored: $0) }
        let all = try await store.store.changes(
            in: store.database,
            since: .beginning,
            limit: 1_000,
            allLeaves: true,
            for: TestStore.administrator
        )
        for since in [0, 5, 20, all.end.number] {
            let expected = all.changes.filter { ids.contains($0.id) && $0.position.number > since }
            var found: [StoredChange] = []
            var place = FeedPosition(since)
            while true {
                let page = try #require(
                    try await store.store.changes(
                        of: .ids(ids),
                        in: store.database,
                        since: place,
                        limit: 2,
                        allLeaves: true
                    )
                )
                found += page.changes
                place = page.end
                guard page.hasMore else { break }
            }
            #expect(found == expected)
            #expect(place == all.end)
        }
        let design = try await store.store.changes(
            of: .design,
            in: store.database,
            since: .beginning,
            limit: 9,
            allLeaves: false
        )
        #expect(design?.changes.map(\.id.text) == ["_design/d"])
        let beyond = FeedPosition(all.end.number + 1)
        #expect(
            try await store.store.changes(of: .ids(ids), in: store.database, since: beyond, limit: 9, allLeaves: false)
                == nil
        )
        await store.close()
    }

    @Test func `the ends of feeds are their last changes, of what came and of what left`() async throws {
        let store = try await TestStore.make()
        let feeds: [Feed] = [.everybody, .owner("ann"), .group("red"), .group("none")]
        #expect(try await store.store.ends(of: feeds, inDatabase: "db").isEmpty)
        try await store.put("a")
        let revision = try await store.put("b", tags: Tags(owner: "ann", groups: ["red"]))
        #expect(
            try await store.store.ends(of: feeds, inDatabase: "db") == [
                .everybody: 1, .owner("ann"): 2, .group("red"): 2,
            ]
        )
        try await store.put("b", after: revision, tags: Tags(owner: "ann"))
        #expect(try await store.store.ends(of: [.group("red")], inDatabase: "db") == [.group("red"): 3])
        #expect(try await store.store.ends(of: feeds, inDatabase: "other").isEmpty)
        let documents = ["a", "b", "none"].map { DocumentID(stored: $0) }
        let ofDocuments = try await store.store.ends(of: documents, inDatabase: "db")
        #expect(ofDocuments == [documents[0]: 1, documents[1]: 3])
        #expect(try await store.store.ends(ofDatabases: ["db", "other"]) == ["db": 3])
        await store.close()
    }
}
