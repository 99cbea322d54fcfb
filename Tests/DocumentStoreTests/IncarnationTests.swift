import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// How a restored database is told from the one that devices know.
@Suite(.database) struct IncarnationTests {
    @Test func `the same PostgreSQL changes nothing, another one does, once, in every database`() async throws {
        let store = try await TestStore.make()
        try await store.store.createDatabase("second")
        let before = try await (store.store.database("db"), store.store.database("second"))
        for _ in 0..<2 { #expect(try await !store.store.noticeRestore()) }
        #expect(try await store.store.database("db") == before.0)
        for identity in ["1 00000001 1", ""] {
            try await store.store.client.execute("UPDATE cluster_identity SET identity = \(identity)")
            let another = try await store.another()
            let noticed = try await [store.store.noticeRestore(), another.store.noticeRestore()]
            #expect(noticed == [true, false])
            await another.close()
        }
        let after = try await (store.store.database("db"), store.store.database("second"))
        #expect(Set([before.0, before.1, after.0, after.1].map(\.incarnation)).count == 4)
        #expect(after.0.originalIncarnation == before.0.incarnation)
        #expect(after.1.originalIncarnation == before.1.incarnation)
        await store.close()
    }

    @Test func `who comes with a place of before begins anew, though the database has counted past it`() async throws {
        let store = try await TestStore.make()
        for number in 0..<3 { try await store.put("d\(number)") }
        let token = store.database.token(FeedPosition(2))
        #expect(store.database.position(of: token) == FeedPosition(2))
        try await store.store.renewIncarnations()
        let restored = try await store.store.recentDatabase("db")
        #expect(restored.position(of: token) == .beginningAnew)
        #expect(restored.position(of: restored.token(FeedPosition(2))) == FeedPosition(2))
        await store.close()
    }

    @Test func `a number beyond the end is no place from which anything would be skipped`() async throws {
        let store = try await TestStore.make()
        try await store.put("a")
        let position = store.database.position(of: SequenceToken(number: 3, incarnation: nil))
        for caller in [Caller.administrator(name: "admin"), .user(name: "bob", groups: [])] {
            let page = try await store.store.changes(
                in: store.database,
                since: position,
                limit: 9,
                allLeaves: false,
                for: caller
            )
            #expect(page.changes.map(\.id.text) == ["a"])
            #expect(page.end.number == 1)
        }
        await store.close()
    }

    @Test func `who held something of before is told of what was lost since, and who begins is not`() async throws {
        let store = try await TestStore.make()
        try await store.store.addMember("bob", to: "red", by: .administrator)
        var revisions: [RevisionID] = []
        for id in ["a", "b", "c"] { revisions.append(try await store.put(id, tags: Tags(groups: ["red"]))) }
        let token = store.database.token(FeedPosition(try await store.store.info(store.database).updateSeq))
        try await store.put("a", after: revisions[0], tags: Tags(owner: "ann"))
        try await store.put("b", after: revisions[1], tags: Tags(owner: "ann"))
        try await store.store.renewIncarnations()
        let restored = try await store.store.recentDatabase("db")
        let bob = Caller.user(name: "bob", groups: ["red"])
        /// The ids of deletions and of documents, read one by one.
        func read(from start: FeedPosition) async throws -> (deleted: Set<String>, present: Set<String>) {
            var (deleted, present): (Set<String>, Set<String>) = ([], [])
            var place = start
            while true {
                let page = try await store.store.changes(
                    in: restored,
                    since: place,
                    limit: 1,
                    allLeaves: true,
                    for: bob
                )
                for change in page.changes {
                    if change.isDeleted { deleted.insert(change.id.text) } else { present.insert(change.id.text) }
                }
                guard page.hasMore else { return (deleted, present) }
                place = restored.position(of: restored.token(page.end))
            }
        }
        let anew = try await read(from: restored.position(of: token))
        #expect(anew.deleted == ["a", "b"] && anew.present == ["c"])
        let first = try await read(from: .beginning)
        #expect(first.deleted == [] && first.present == ["c"])
        #expect(try await store.store.pending(in: restored, since: .beginningAnew, for: bob) == 3)
        #expect(try await store.store.pending(in: restored, since: .beginning, for: bob) == 1)
        await store.close()
    }
}
