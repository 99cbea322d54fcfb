import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// What is in memory for one reader does not grow with what documents hold.
@Suite(.database) struct PageMemoryTests {
    private static func body(bytes: Int) -> String { "{\"x\":\"\(String(repeating: "x", count: bytes))\"}" }

    private func fitting(_ ids: [String], _ store: TestStore, _ revision: RevisionID? = nil) async throws -> Int {
        let requests = ids.map { RevisionRequest(id: DocumentID(stored: $0), revision: revision) }
        return try await store.store.fitting(requests, of: store.database)
    }

    @Test func `as many documents are read at once as fit into memory, one at least`() async throws {
        let store = try await TestStore.make()
        for id in ["a", "b", "c"] { try await store.put(id) }
        #expect(try await fitting(["a", "b", "c", "none"], store) == 4)
        let first = try await store.put("large", Self.body(bytes: 5_000_000))
        #expect(try await fitting(["a", "large", "b", "none"], store) == 4)
        #expect(try await fitting(["large", "a", "large", "b"], store) == 2)
        try await store.put("large", Self.body(bytes: 5_000_000), after: first)
        // Both revisions are kept for now.
        #expect(try await fitting(["large", "a"], store) == 1)
        #expect(try await fitting(["large", "a"], store, first) == 2)
        #expect(try await fitting(["large"], store) == 1)
    }

    @Test func `another process knows of large documents, too`() async throws {
        let store = try await TestStore.make()
        try await store.put("large", Self.body(bytes: 5_000_000))
        let other = try await store.another()
        #expect(try await fitting(["large", "large"], other) == 1)
        await other.close()
    }

    @Test func `what was there before sizes were kept is measured`() async throws {
        let store = try TestStore.connect()
        try await store.client.migrate(Array(DocumentStore.migrations.prefix(8)), component: "documents")
        try await store.createDatabase("db")
        let database = try await store.database("db")
        let body = PostgresJSONB(Array(Self.body(bytes: 5_000_000).utf8))
        for id in ["a", "b"] {
            _ = try await store.client.query(
                """
                WITH made AS (
                    INSERT INTO documents (database, id, seq, rev, deleted, leaves, tree)
                    VALUES (\(database.id), \(id), \(Int64(id == "a" ? 1 : 2)), '1-aa', false, 1, '') RETURNING number
                )
                INSERT INTO bodies (document, rev, body) SELECT number, '1-aa', \(body) FROM made
                """
            )
        }
        try await store.client.migrate(DocumentStore.migrations, component: "documents")
        #expect(try await fitting(["a", "b"], TestStore(store: store, database: database)) == 1)
    }

    @Test func `an index takes as many documents at once as fit into memory, however well they pack`() async throws {
        let store = try await TestStore.make()
        for id in ["a", "b", "c", "d"] { try await store.put(id, Self.body(bytes: 5_000_000)) }
        #expect(try await indexable(store, since: 0) == ["a", "b"])
        #expect(try await indexable(store, since: 2) == ["c", "d"])
    }

    private func indexable(_ store: TestStore, since: Int) async throws -> [String] {
        let documents = try await store.store.indexableDocuments(
            in: store.database,
            since: since,
            through: 1_000,
            limit: 1_000,
            scope: IndexScope()
        )
        return documents.map(\.id.text)
    }

    @Test func `a page of a feed has as many histories as fit into memory, and the next has the rest`() async throws {
        var settings = DatabaseSettings()
        settings.revisionLimit = 1_000
        let store = try await TestStore.make(settings)
        let ids = (0..<40).map { "doc\($0)" }
        let long = String(repeating: "x", count: 230)
        for id in ids {
            for branch in ["a", "b"] {
                let path = (0..<250).map { "\(250 - $0)-\(branch)\($0)\(long)" }
                let outcome = try await store.graft(id, path, tags: Tags(owner: "ann"))
                try #require(outcome.error == nil, "\(outcome)")
            }
        }
        let indexed = try await indexable(store, since: 0).count
        #expect(indexed > 1 && indexed < ids.count)
        for caller in [TestStore.administrator, .user(name: "ann", groups: [])] {
            var place = FeedPosition.beginning
            var found: [String] = []
            var pages = 0
            var hasMore = true
            while hasMore {
                let page = try await store.store.changes(
                    in: store.database,
                    since: place,
                    limit: 1_000,
                    allLeaves: true,
                    for: caller
                )
                #expect(page.changes.allSatisfy { $0.revisions.count == 2 })
                found += page.changes.map(\.id.text)
                (place, hasMore) = (page.end, page.hasMore)
                pages += 1
            }
            #expect(found == ids)
            #expect(pages == 2)
            #expect(place.number == 80)
        }
    }
}
