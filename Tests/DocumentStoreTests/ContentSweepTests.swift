import CouchProtocol
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// Contents that nobody has any more go away, and others never do.
@Suite(.database) struct ContentSweepTests {
    private func contents(_ store: TestStore) async throws -> Int {
        Int(try await store.scalar("SELECT count(*) FROM attachment_contents", as: Int64.self))
    }

    /// Sweeps as if an hour had passed.
    private func sweep(_ store: TestStore) async throws {
        try await store.store.client.execute("UPDATE loose_contents SET since = since - interval '2 hours'")
        while try await store.store.sweepContents(olderThan: .seconds(3_600), limit: 3) == 3 {}
    }

    private func attachment(_ content: StoredContent, _ name: String = "a") -> EditedAttachment {
        .new(NewAttachment(name: name, contentType: "x/y", content: content))
    }

    @Test func `what was sent and never used goes after its time, and not before`() async throws {
        let store = try await TestStore.make()
        _ = try await store.upload([1, 2, 3], pieces: 1)
        var broken = ContentUpload(to: store.store, name: "x", limit: .max)
        try await broken.append([UInt8](repeating: 1, count: 300_000))
        #expect(try await store.store.sweepContents(olderThan: .seconds(3_600), limit: 100) == 0)
        #expect(try await contents(store) == 2)
        try await sweep(store)
        #expect(try await contents(store) == 0)
        let chunks: Int64 = try await store.scalar("SELECT count(*) FROM attachment_chunks")
        let loose: Int64 = try await store.scalar("SELECT count(*) FROM loose_contents")
        #expect(chunks == 0)
        #expect(loose == 0)
        await store.close()
    }

    @Test func `a content stays while one revision has it, and goes with the last`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([7], pieces: 1)
        try await store.put("a", [attachment(content)])
        try await store.put("b", [attachment(content, "b"), attachment(content, "c")])
        try await sweep(store)
        #expect(try await contents(store) == 1)
        for (id, left) in [("a", 1), ("b", 0)] {
            try await store.store.client.execute(
                "DELETE FROM bodies USING documents WHERE document = number AND id = \(id)"
            )
            try await sweep(store)
            #expect(try await contents(store) == left)
        }
        await store.close()
    }

    @Test func `a database takes its contents with it`() async throws {
        let store = try await TestStore.make()
        try await store.put("a", [attachment(try await store.upload([7], pieces: 1))])
        try await store.store.deleteDatabase("db")
        try await sweep(store)
        #expect(try await contents(store) == 0)
        await store.close()
    }

    @Test func `one that is sent again just before the sweep is kept`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([7], pieces: 1)
        try await store.store.client.execute("UPDATE loose_contents SET since = since - interval '2 hours'")
        #expect(try await store.upload([7], pieces: 1) == content)
        _ = try await store.store.sweepContents(olderThan: .seconds(3_600), limit: 100)
        #expect(try await contents(store) == 1)
        await store.close()
    }

    @Test func `a sweep does not wait for a commit, and takes nothing from it`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([7], pieces: 1)
        try await store.store.client.execute("UPDATE loose_contents SET since = since - interval '2 hours'")
        try await store.store.client.transaction { connection in
            try await connection.execute(
                "SELECT hold_contents(ARRAY[jsonb_build_array(jsonb_build_object('content', \(content.id)))])"
            )
            #expect(try await store.store.sweepContents(olderThan: .seconds(3_600), limit: 100) == 1)
        }
        #expect(try await contents(store) == 1)
        await store.close()
    }

    @Test func `a commit that refers to what was swept is planned anew, and says what is missing`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([7], pieces: 1)
        let first = try await store.put("d", [attachment(content)])
        try await sweep(store)
        // The body goes between the plan of an edit and its commit.
        var edit = DocumentEdit.next("e", after: nil)
        edit.attachments = [attachment(content)]
        try await store.store.client.execute("DELETE FROM bodies WHERE rev = \(first.description)")
        try await sweep(store)
        #expect(try await contents(store) == 0)
        await #expect(throws: PostgresError.self) {
            try await store.store.write([edit], to: store.database, by: TestStore.administrator)
        }
        let written: Int64 = try await store.scalar("SELECT count(*) FROM documents WHERE id = 'e'")
        #expect(written == 0)
        await store.close()
    }

    @Test func `sweeps, uploads, edits and deletions at once never leave a revision without its content`() async throws
    {
        let store = try await TestStore.make()
        var generator = SeededGenerator.announced()
        let seeds = (0..<4).map { _ in generator.next() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in seeds {
                group.addTask {
                    var generator = SeededGenerator(seed: seed)
                    for _ in 0..<40 { try await step(store, &generator) }
                }
            }
            try await group.waitForAll()
        }
        let dangling: Int64 = try await store.scalar(
            """
            SELECT count(*) FROM bodies CROSS JOIN LATERAL jsonb_array_elements(attachments) AS entry
            WHERE NOT EXISTS (SELECT FROM attachment_contents WHERE id = (entry->>'content')::bigint)
                OR NOT EXISTS (SELECT FROM attachment_chunks WHERE content = (entry->>'content')::bigint)
            """
        )
        #expect(dangling == 0)
        await store.close()
    }

    /// One of the things that happen, over few contents and documents, with a sweep that waits for nothing.
    private func step(_ store: TestStore, _ generator: inout SeededGenerator) async throws {
        let id = "d\(Int.random(in: 0..<3, using: &generator))"
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: _ = try await store.store.sweepContents(olderThan: .zero, limit: 10)
        case 1:
            try await store.store.client.execute(
                "DELETE FROM bodies USING documents WHERE document = number AND id = \(id) AND bodies.rev <> documents.rev"
            )
        default:
            let known = try await store.store.document(
                DocumentID(stored: id),
                in: store.database,
                for: TestStore.administrator
            )
            var edit = DocumentEdit.next(id, after: known?.revision)
            edit.attachments = known?.attachments.map { .stub(name: $0.name, revisionPosition: nil) } ?? []
            if edit.attachments.count < 2 {
                let bytes = [UInt8(Int.random(in: 0..<4, using: &generator))]
                let name = "a\(Int.random(in: 0..<9_999, using: &generator))"
                edit.attachments.append(attachment(try await store.upload(bytes, pieces: 1), name))
            } else {
                edit.attachments.removeFirst()
            }
            do {
                // A sweep without patience may come between the upload and the commit; then the write fails whole.
                _ = try await store.store.write([edit], to: store.database, by: TestStore.administrator)
            } catch is PostgresError {}
        }
    }
}
