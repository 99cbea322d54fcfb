import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

@Suite(.database) struct PurgeTests {
    private let ann = Caller.user(name: "ann", groups: [])
    private let bob = Caller.user(name: "bob", groups: [])

    private func purge(_ store: TestStore, _ id: String, _ revisions: [RevisionID]) async throws -> [RevisionID] {
        let outcome = try await store.store.purge(
            [DocumentRevisions(id: DocumentID(stored: id), revisions: revisions)],
            in: store.database,
            by: TestStore.administrator,
            traceID: nil
        )
        return outcome.purged[0].revisions
    }

    private func changes(_ store: TestStore, since: Int, for caller: Caller) async throws -> [String] {
        try await store.store.changes(
            in: store.database,
            since: FeedPosition(since),
            limit: 100,
            allLeaves: false,
            for: caller
        ).changes.map { "\($0.id) \($0.revisions[0])\($0.isDeleted ? " deleted" : "")" }
    }

    @Test func `a document without leaves is gone with all that belongs to it`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d", tags: Tags(owner: "ann"))
        let second = try await store.put("d", after: first, tags: Tags(owner: "ann"))
        try await store.put("e", tags: Tags(owner: "ann"))
        #expect(try await purge(store, "d", [first, "9-99"]) == [])
        #expect(try await purge(store, "none", [first]) == [])
        #expect(try await store.store.info(store.database).purgeSeq == 0)
        #expect(try await purge(store, "d", [second]) == [second])
        let info = try await store.store.info(store.database)
        #expect((info.documents, info.deleted, info.purgeSeq) == (1, 0, 1))
        #expect(try await store.scalar("SELECT count(*) FROM bodies", as: Int64.self) == 1)
        #expect(try await store.scalar("SELECT count(*) FROM feed_entries", as: Int64.self) == 1)
        for caller in [ann, TestStore.administrator] {
            #expect(try await changes(store, since: 0, for: caller).map { $0.prefix(1) } == ["e"])
            #expect(try await store.store.document(DocumentID(stored: "d"), in: store.database, for: caller) == nil)
        }
        // Made anew it is another document, with no history.
        #expect(try await store.put("d").generation == 1)
        let infos = try await store.store.purgedInfos(of: store.database)
        #expect(infos.map(\.revisions) == [[second]])
        await store.close()
    }

    @Test func `readers of what is left get the new winner`() async throws {
        let store = try await TestStore.make()
        try await store.graft("d", ["2-aa", "1-aa"], tags: Tags(owner: "ann"))
        try await store.graft("d", ["3-bb", "2-bb", "1-aa"], tags: Tags(owner: "bob"))
        let end = try await store.store.info(store.database).updateSeq
        #expect(try await purge(store, "d", ["3-bb"]) == ["3-bb"])
        #expect(try await changes(store, since: end, for: ann) == ["d 2-aa"])
        #expect(try await changes(store, since: end, for: TestStore.administrator) == ["d 2-aa"])
        #expect(try await store.store.document(DocumentID(stored: "d"), in: store.database, for: bob) == nil)
        #expect(try await store.scalar("SELECT count(*) FROM bodies", as: Int64.self) == 1)
        let infos = try await store.store.purgedInfos(of: store.database)
        #expect(infos.map(\.revisions) == [["3-bb"]])
        await store.close()
    }

    @Test func `only the newest purges are remembered`() async throws {
        let store = try await TestStore.make()
        try await store.store.setPurgedInfosLimit(2, of: store.database)
        for id in ["a", "b", "c"] { #expect(try await purge(store, id, [try await store.put(id)]).count == 1) }
        #expect(try await store.store.purgedInfos(of: store.database).map(\.id.text) == ["b", "c"])
        #expect(try await store.store.info(store.database).purgeSeq == 3)
        await store.close()
    }

    @Test func `a write that was planned over a purged document is planned anew`() async throws {
        let store = try await TestStore.make()
        var next = try await store.put("d")
        for _ in 0..<20 {
            let revision = next
            async let purged = purge(store, "d", [revision])
            async let written = store.store.write(
                [.next("d", after: revision)],
                to: store.database,
                by: TestStore.administrator
            )
            let (gone, outcome) = try await (purged, written[0])
            // Either the purge came first, and the write conflicts, or the write did, and there was no such leaf.
            #expect(gone.isEmpty == (outcome.error == nil))
            next = gone.isEmpty ? try outcome.revision : try await store.put("d")
        }
        await store.close()
    }
}
