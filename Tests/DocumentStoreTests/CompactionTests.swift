import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

@Suite(.database) struct CompactionTests {
    private func compact(_ store: TestStore, through seq: Int = .max, olderThan age: Duration = .zero) async throws {
        while try await store.store.compact(store.database, through: seq, olderThan: age) {}
    }

    private func bodies(_ store: TestStore) async throws -> Set<String> {
        let rows = try await store.store.client.query(
            "SELECT id || ' ' || bodies.rev FROM bodies JOIN documents ON number = document"
        )
        return Set(try rows.map { try $0.decode(String.self) })
    }

    @Test func `bodies of leaves stay, those of all others go`() async throws {
        let store = try await TestStore.make()
        let admin = TestStore.administrator
        let first = try await store.put("d")
        let second = try await store.put("d", #"{"n":2}"#, after: first)
        let third = try await store.put("d", #"{"n":3}"#, after: second)
        try await store.graft("c", ["1-aa"], tags: .none)
        try await store.graft("c", ["1-bb"], tags: .none)
        try await store.graft("c", ["2-bb", "1-bb"], tags: .none, deleted: true)
        try await compact(store)
        #expect(try await bodies(store) == ["d \(third)", "c 1-aa", "c 2-bb"])
        let old = RevisionRequest(id: DocumentID(stored: "d"), revision: second)
        #expect(try await store.store.fetch([old], from: store.database, for: admin).isEmpty)
        let found = try #require(
            try await store.store.document(DocumentID(stored: "d"), in: store.database, for: admin)
        )
        #expect(try JSONValue(parsing: found.body) == ["n": 3])
        #expect(
            try await store.store.revisionsInfo(of: found).map(\.status) == ["available", "missing", "missing"]
        )
        // The history is still known: what a device has is not asked for again.
        let known = DocumentRevisions(id: DocumentID(stored: "d"), revisions: [first, second])
        #expect(try await store.store.revisionsDifference([known], in: store.database, for: admin).isEmpty)
        await store.close()
    }

    @Test func `a document that cannot be read is left as it is, and the others are compacted`() async throws {
        let store = try await TestStore.make()
        let firsts = [try await store.put("a"), try await store.put("b")]
        let seconds = [
            try await store.put("a", #"{"n":2}"#, after: firsts[0]),
            try await store.put("b", #"{"n":2}"#, after: firsts[1]),
        ]
        _ = try await store.store.client.query("UPDATE documents SET tree = '\\x00' WHERE id = 'a'")
        try await compact(store)
        #expect(try await bodies(store) == ["a \(firsts[0])", "a \(seconds[0])", "b \(seconds[1])"])
        await store.close()
    }

    @Test func `stemmed revisions lose their bodies`() async throws {
        var settings = DatabaseSettings()
        settings.revisionLimit = 2
        let store = try await TestStore.make(settings)
        var revision = try await store.put("d")
        for number in 0..<5 { revision = try await store.put("d", #"{"n":\#(number)}"#, after: revision) }
        try await compact(store)
        #expect(try await bodies(store) == ["d \(revision)"])
        await store.close()
    }

    @Test func `what is young, or not seen by all followers, is kept`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d")
        let second = try await store.put("d", after: first)
        try await compact(store, olderThan: .seconds(3_600))
        #expect(try await bodies(store).count == 2)
        try await compact(store, through: 1)
        #expect(try await bodies(store).count == 2)
        #expect(try await store.store.compactedThrough(store.database) == 1)
        // An administrator's wish overrules the age.
        try await store.store.requestCompaction(of: store.database)
        #expect(try await store.store.info(store.database).isCompacting)
        try await compact(store, olderThan: .seconds(3_600))
        #expect(try await bodies(store) == ["d \(second)"])
        #expect(try await store.store.compactedThrough(store.database) == 2)
        #expect(try await !store.store.info(store.database).isCompacting)
        await store.close()
    }

    /// Writers and a compaction at the same time: every leaf has its body at every moment.
    @Test func `a compaction beside writers takes no leaf's body`() async throws {
        let store = try await TestStore.make()
        try await withThrowingTaskGroup { group in
            for writer in 0..<4 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(writer))
                    for number in 0..<60 {
                        let id = "d\(Int.random(in: 0..<6, using: &random))"
                        let present = try await store.store.document(
                            DocumentID(stored: id),
                            in: store.database,
                            for: TestStore.administrator
                        )
                        _ = try await store.store.write(
                            [.next(id, after: present?.revision, #"{"n":\#(number)}"#, deleted: number % 7 == 6)],
                            to: store.database,
                            by: TestStore.administrator
                        )
                    }
                }
            }
            group.addTask {
                for _ in 0..<60 { _ = try await store.store.compact(store.database, through: .max, olderThan: .zero) }
            }
            try await group.waitForAll()
        }
        try await compact(store)
        let lacking = try await store.scalar(
            """
            SELECT count(*) FROM documents WHERE NOT EXISTS (
                SELECT FROM bodies WHERE document = number AND bodies.rev = documents.rev
            )
            """,
            as: Int64.self
        )
        #expect(lacking == 0)
        #expect(try await store.scalar("SELECT count(*) FROM bodies", as: Int64.self) == 6)
        await store.close()
    }

    @Test func `sizes grow with what is written, and are those of one database`() async throws {
        let store = try await TestStore.make()
        func sizes() async throws -> DatabaseSizes {
            try await store.store.sizes(of: store.database, store.store.info(store.database))
        }
        #expect(try await sizes() == DatabaseSizes())
        let text = String(repeating: "x", count: 1_000)
        for number in 0..<20 { try await store.put("d\(number)", #"{"text":"\#(text)"}"#) }
        let measured = try await sizes()
        #expect(20_000..<25_000 ~= measured.external)
        #expect(measured.active > 0 && measured.file >= measured.active)
        try await store.store.createDatabase("empty")
        let empty = try await store.store.database("empty")
        #expect(try await store.store.sizes(of: empty, store.store.info(empty)) == DatabaseSizes())
        await store.close()
    }
}
