import CouchProtocol
import JSON
import ReplicaConformance
import Testing

@Suite struct MemoryReplicaConformanceTests {
    @Test(arguments: ReplicaCheck.all)
    func conformance(_ check: ReplicaCheck) async throws {
        try await check.run(MemoryReplica(identity: "memory"))
    }
}

@Suite struct MemoryReplicaTests {
    private let replica = MemoryReplica(identity: "device")
    private let id = DocumentID(stored: "a")

    @Test func `a document is written, read, changed and deleted`() async throws {
        let first = try await replica.put(id, ["n": 1, "~owner": "ada"])
        #expect(first.generation == 1)
        let read = try #require(await replica.document(id))
        #expect(read["n"] == 1 && read["_id"] == "a" && read["~owner"] == "ada")
        #expect(read["_rev"]?.stringValue == first.description)
        let second = try await replica.put(id, ["n": 2, "_rev": .string(first.description)])
        #expect(second.generation == 2)
        #expect(await replica.revision(of: id) == second)
        try await replica.delete(id, revision: second)
        #expect(await replica.document(id) == nil)
        #expect(await replica.document(id, revision: second)?["n"] == 2)
        // What is deleted can be made again, and follows its tombstone.
        #expect(try await replica.put(id, ["n": 3]).generation == 4)
    }

    @Test func `an edit of another revision than the present one is a conflict`() async throws {
        let first = try await replica.put(id, ["n": 1])
        try await replica.put(id, ["n": 2, "_rev": .string(first.description)])
        await #expect(throws: CouchError.conflict) { try await replica.put(id, ["n": 3]) }
        await #expect(throws: CouchError.conflict) {
            try await replica.put(id, ["n": 3, "_rev": .string(first.description)])
        }
        await #expect(throws: CouchError.conflict) { try await replica.delete(id, revision: first) }
    }

    @Test func `the same edits make the same revisions on every replica`() async throws {
        let other = MemoryReplica(identity: "other")
        let revisions = (try await replica.put(id, ["n": 1]), try await other.put(id, ["n": 1]))
        #expect(revisions.0 == revisions.1)
    }

    @Test func `attachments stay with a document that names them as stubs`() async throws {
        let first = try await replica.put(
            id,
            ["_attachments": ["x": ["data": "aGVsbG8=", "content_type": "text/plain"]]]
        )
        let read = try #require(await replica.document(id)?.objectValue)
        #expect(read["_attachments"]?["x"]?["stub"] == true)
        #expect(read["_attachments"]?["x"]?["length"] == 5)
        let second = try await replica.put(id, read.merging(["n": 1]))
        #expect(second != first)
        #expect(await replica.attachment("x", of: id) == Array("hello".utf8))
        try await replica.put(id, ["_rev": .string(second.description)])
        #expect(await replica.attachment("x", of: id) == nil)
    }

    @Test func `documents are found by what they hold`() async throws {
        for number in 0..<5 {
            try await replica.put(DocumentID(stored: "d\(number)"), ["n": .number(JSONNumber(number))])
        }
        let found = await replica.documents { ($0["n"]?.intValue ?? 0) > 2 }
        #expect(found.map { $0["_id"]?.stringValue } == ["d3", "d4"])
    }

    @Test func `compaction forgets what was replaced and nothing else`() async throws {
        let first = try await replica.put(id, ["n": 1])
        let second = try await replica.put(id, ["n": 2, "_rev": .string(first.description)])
        await replica.compact()
        #expect(await replica.document(id, revision: first) == nil)
        #expect(await replica.document(id)?["n"] == 2)
        let difference = await replica.revisionsDifference([DocumentRevisions(id: id, revisions: [first, second])])
        #expect(difference.isEmpty)
    }
}
