import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// Contents that are kept once, and attachments of revisions that refer to them.
@Suite(.database) struct AttachmentTests {
    @Test(arguments: [0, 1, 262_143, 262_144, 262_145, 900_000])
    func `a content comes back byte for byte, however it is cut`(_ length: Int) async throws {
        let store = try await TestStore.make()
        let bytes = random(length, seed: 1)
        let content = try await store.upload(bytes, pieces: 100_000)
        #expect(content.length == length)
        #expect(content.digest == AttachmentDigest.of(bytes))
        #expect(try await store.read(content) == bytes)
        for range in [0..<min(length, 5), length / 2..<length, max(0, length - 3)..<length] {
            #expect(try await store.read(content, range) == Array(bytes[range]))
        }
        await store.close()
    }

    @Test func `the same content is kept once, whoever sends it and however`() async throws {
        let store = try await TestStore.make()
        let large = random(600_000, seed: 2)
        let small = Array("hello".utf8)
        let first = try await store.upload(large, pieces: 70_000)
        let again = try await store.another().upload(large, pieces: 300_000)
        let kept = try await store.store.keep([NewContent(small), NewContent(large), NewContent(small)])
        #expect(first == again)
        #expect(kept[1] == first)
        #expect(kept[0] == kept[2])
        let counts: Int64 = try await store.scalar("SELECT count(*) FROM attachment_contents")
        let bytes: Int64 = try await store.scalar("SELECT sum(length(data)) FROM attachment_chunks")
        #expect(counts == 2)
        #expect(bytes == 600_005)
        await store.close()
    }

    @Test func `a content that many send at once is kept once`() async throws {
        let store = try await TestStore.make()
        let bytes = random(300_000, seed: 3)
        let contents = try await withThrowingTaskGroup(of: StoredContent.self) { group in
            for number in 0..<8 {
                group.addTask {
                    guard number % 2 == 0 else { return try await store.store.keep([NewContent(bytes)])[0] }
                    return try await store.upload(bytes, pieces: 50_000)
                }
            }
            return try await group.reduce(into: Set<StoredContent>()) { $0.insert($1) }
        }
        #expect(contents.count == 1)
        let chunks: Int64 = try await store.scalar("SELECT count(*) FROM attachment_chunks")
        #expect(chunks == 2)
        await store.close()
    }

    @Test func `what is too large or damaged is refused, and an abandoned upload leaves nothing`() async throws {
        let store = try await TestStore.make()
        var upload = ContentUpload(to: store.store, name: "x", limit: 300_000)
        try await upload.append(random(290_000, seed: 4))
        await #expect(throws: CouchError.attachmentTooLarge("x")) { try await upload.append(random(20_000, seed: 4)) }
        await upload.abandon()
        var damaged = ContentUpload(to: store.store, name: "x", limit: 300_000)
        try await damaged.append([1, 2, 3])
        await #expect(throws: CouchError.digestMismatch) { try await damaged.finish(expecting: "md5-AAAA") }
        let left: Int64 = try await store.scalar("SELECT count(*) FROM attachment_contents")
        #expect(left == 0)
        await store.close()
    }

    @Test func `attachments go with their revision, and stubs keep those of the one before`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload(Array("hello".utf8), pieces: 100)
        let first = try await store.put("d", [.new(.init(name: "a", contentType: "text/plain", content: content))])
        let second = try await store.put("d", [.stub(name: "a", revisionPosition: nil)], after: first)
        let third = try await store.put("d", [.stub(name: "a", revisionPosition: 1)], after: second)
        let read = try #require(try await store.store.document("d", in: store.database, for: TestStore.administrator))
        #expect(read.revision == third)
        let attachment = try #require(read.attachments.first)
        #expect(attachment.name == "a")
        #expect(attachment.contentType == "text/plain")
        #expect(attachment.revisionPosition == 1)
        #expect(attachment.length == 5)
        #expect(try await store.read(attachment.content) == Array("hello".utf8))
        let fourth = try await store.put("d", [], after: third)
        #expect(fourth.generation == 4)
        #expect(
            try await store.store.document("d", in: store.database, for: TestStore.administrator)?.attachments == []
        )
        await store.close()
    }

    @Test func `a stub of what is not there is refused, alone of its batch`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([1], pieces: 1)
        let first = try await store.put("d", [.new(.init(name: "a", contentType: "x/y", content: content))])
        var edits: [DocumentEdit] = []
        for (id, name, position) in [("d", "b", nil), ("d", "a", 2), ("new", "a", nil)] as [(String, String, Int?)] {
            var edit = DocumentEdit.next(id, after: id == "d" ? first : nil)
            edit.attachments = [.stub(name: name, revisionPosition: position)]
            edits.append(edit)
        }
        edits.append(.next("other"))
        let outcomes = try await store.store.write(edits, to: store.database, by: TestStore.administrator)
        #expect(outcomes.map(\.error) == ["missing_stub", "missing_stub", "missing_stub", nil])
        await store.close()
    }

    @Test func `a revision made elsewhere takes stubs from the newest ancestor that is kept`() async throws {
        let store = try await TestStore.make()
        let content = try await store.upload([1, 2], pieces: 9)
        try await store.graft("d", ["1-aa"], [.new(.init(name: "a", contentType: "x/y", content: content))])
        // The ancestor between is known by name alone.
        let outcome = try await store.graft("d", ["3-cc", "2-bb", "1-aa"], [.stub(name: "a", revisionPosition: 1)])
        #expect(outcome.error == nil)
        let read = try #require(try await store.store.document("d", in: store.database, for: TestStore.administrator))
        #expect(read.attachments.map(\.content) == [content])
        // Another that keeps nothing hides the older one, as in CouchDB.
        try await store.graft("d", ["4-dd", "3-cc"], [])
        #expect(try await store.graft("d", ["5-ee", "4-dd"], [.stub(name: "a", revisionPosition: 1)]).error != nil)
        await store.close()
    }

    @Test func `a forged history gives no attachment of others away`() async throws {
        let store = try await TestStore.make()
        let secret = try await store.upload(Array("secret".utf8), pieces: 100)
        let ann = Caller.user(name: "ann", groups: [])
        // Two branches of one document: one is ann's, the other belongs to bob and has the attachment.
        try await store.graft("d", ["1-00"], [], tags: Tags(owner: "ann"))
        try await store.graft("d", ["2-aa", "1-00"], [], tags: Tags(owner: "ann"))
        let attachment = EditedAttachment.new(.init(name: "a", contentType: "x/y", content: secret))
        try await store.graft("d", ["2-bb", "1-00"], [attachment], tags: Tags(owner: "bob"))
        for path in [["3-cc", "2-bb"], ["4-cc", "3-00", "2-bb"], ["3-cc", "2-aa"], ["3-dd", "2-bb", "1-00"]] {
            var edit = DocumentEdit.made("d", path)
            edit.attachments = [.stub(name: "a", revisionPosition: nil)]
            let outcome = try await store.store.write([edit], to: store.database, by: ann)[0]
            #expect(["forbidden", "missing_stub"].contains(outcome.error), "\(path)")
        }
        await store.close()
    }

    @Test func `the same edit with another attachment is another revision`() async throws {
        let store = try await TestStore.make()
        let contents = try await store.store.keep([NewContent([1]), NewContent([2])])
        var revisions: Set<RevisionID> = []
        for (index, content) in (contents + [contents[0]]).enumerated() {
            let attachment = EditedAttachment.new(.init(name: "a", contentType: "x/y", content: content))
            revisions.insert(try await store.put("d\(index)", [attachment]))
        }
        #expect(revisions.count == 2)
        await store.close()
    }

    private func random(_ length: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

extension TestStore {
    func upload(_ bytes: [UInt8], pieces: Int) async throws -> StoredContent {
        var upload = ContentUpload(to: store, name: "x", limit: .max)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try await upload.append(bytes[start..<min(start + pieces, bytes.count)])
        }
        return try await upload.finish(expecting: AttachmentDigest.of(bytes))
    }

    func read(_ content: StoredContent, _ range: Range<Int>? = nil) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var reader = ContentReader(content, range, from: store)
        while let next = try await reader.next() { bytes += next }
        return bytes
    }

    @discardableResult
    func put(_ id: String, _ attachments: [EditedAttachment], after: RevisionID? = nil) async throws -> RevisionID {
        var edit = DocumentEdit.next(id, after: after)
        edit.attachments = attachments
        return try await store.write([edit], to: database, by: Self.administrator)[0].revision
    }

    @discardableResult
    func graft(
        _ id: String,
        _ path: [String],
        _ attachments: [EditedAttachment],
        tags: Tags = .none
    ) async throws -> EditOutcome {
        var edit = DocumentEdit.made(id, path, tags: AskedTags(tags))
        edit.attachments = attachments
        return try await store.write([edit], to: database, by: Self.administrator)[0]
    }
}

extension DocumentID: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(stored: value) }
}
