import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

/// What a user sees of documents whose branches belong to different people, and of those of others.
@Suite(.database) struct VisibilityTests {
    private let ann = Caller.user(name: "ann", groups: [])
    private let bob = Caller.user(name: "bob", groups: [])

    /// A document whose winner is bob's and whose other branch is ann's.
    private func conflict() async throws -> TestStore {
        let store = try await TestStore.make()
        try await store.graft("d", ["3-bb", "2-bb"], tags: Tags(owner: "bob"))
        try await store.graft("d", ["2-aa", "1-aa"], tags: Tags(owner: "ann"))
        return store
    }

    @Test func `a user sees the winner of the branches that the user may read, everywhere`() async throws {
        let store = try await conflict()
        let id = DocumentID(stored: "d")
        for (user, revision) in [(ann, RevisionID("2-aa")), (bob, "3-bb"), (TestStore.administrator, "3-bb")] {
            let request = RevisionRequest(id: id)
            #expect(try await store.store.document(id, in: store.database, for: user)?.revision == revision)
            #expect(
                try await store.store.fetch([request], from: store.database, for: user)[request]?.revision == revision
            )
            let all = try await store.store.documents(in: DocumentRange(), of: store.database, for: user)
            #expect(all.map(\.revision) == [revision])
            let changes = try await store.store.changes(
                in: store.database,
                since: .beginning,
                limit: 10,
                allLeaves: false,
                for: user
            )
            #expect(changes.changes.map(\.revisions) == [[revision]])
        }
        await store.close()
    }

    @Test func `branches of others cannot be read by their names, nor be found out`() async throws {
        let store = try await conflict()
        let id = DocumentID(stored: "d")
        let theirs = ["3-bb", "2-bb"].map { RevisionRequest(id: id, revision: RevisionID($0)) }
        #expect(try await store.store.fetch(theirs, from: store.database, for: ann).isEmpty)
        let asked = [DocumentRevisions(id: id, revisions: ["3-bb", "2-bb", "2-aa", "1-aa", "9-99"])]
        let forAnn = try await store.store.revisionsDifference(asked, in: store.database, for: ann)
        #expect(Set(forAnn.flatMap(\.missing)) == ["3-bb", "2-bb", "9-99"])
        #expect(forAnn.flatMap(\.possibleAncestors) == ["2-aa"])
        let eve = Caller.user(name: "eve", groups: [])
        let forEve = try await store.store.revisionsDifference(asked, in: store.database, for: eve)
        #expect(Set(forEve.flatMap(\.missing)) == Set(asked[0].revisions))
        #expect(forEve.flatMap(\.possibleAncestors).isEmpty)
        let forAll = try await store.store.revisionsDifference(asked, in: store.database, for: TestStore.administrator)
        #expect(forAll.flatMap(\.missing) == ["9-99"])
        await store.close()
    }

    @Test func `a device that pushes what was lost, before it hears of it, is not refused; a guess is`() async throws {
        let store = try await TestStore.make()
        try await store.graft("d", ["1-aa"], tags: Tags(groups: ["red"]))
        try await store.store.addMember("bob", to: "red", by: .administrator)
        func push(_ path: [String], by user: String) async throws -> String? {
            let caller = Caller.user(name: user, groups: try await store.store.groups(of: user))
            let seq = try await store.store.info(store.database).updateSeq
            let outcome = try await store.store.write([.made("d", path)], to: store.database, by: caller)[0]
            #expect(try await store.store.info(store.database).updateSeq == seq)
            return outcome.error
        }
        #expect(try await push(["1-aa"], by: "bob") == nil)
        try await store.store.removeMember("bob", from: "red", by: .administrator)
        #expect(try await push(["1-aa"], by: "bob") == nil)
        #expect(try await push(["1-ab"], by: "bob") == "forbidden")
        for guess in ["1-aa", "1-ab"] { #expect(try await push([guess], by: "eve") == "forbidden") }
        await store.close()
    }

    @Test func `a former right to a revision is over when the document has moved on`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d", #"{"a":1}"#, tags: Tags(owner: "ann"))
        try await store.put("d", #"{"a":2}"#, after: first, tags: Tags(owner: "bob"))
        let request = RevisionRequest(id: DocumentID(stored: "d"), revision: first)
        #expect(try await store.store.fetch([request], from: store.database, for: ann).isEmpty)
        #expect(try await store.store.fetch([request], from: store.database, for: bob)[request] != nil)
        await store.close()
    }

    @Test func `the tombstone of a document reaches those whose document it was, and nobody else`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d", tags: Tags(owner: "ann", groups: ["g"]))
        try await store.put("d", after: first, deleted: true, tags: .none)
        try await store.store.addMember("mia", to: "g", by: .administrator)
        let member = Caller.user(name: "mia", groups: ["g"])
        for (user, count) in [(ann, 1), (member, 1), (bob, 0), (.anonymous, 0)] {
            let feed = try await store.store.changes(
                in: store.database,
                since: FeedPosition(1),
                limit: 9,
                allLeaves: false,
                for: user
            )
            #expect(feed.changes.count == count)
            #expect(feed.changes.allSatisfy { $0.isDeleted })
            #expect(feed.end == FeedPosition(3))
            #expect(try await store.store.documents(in: DocumentRange(), of: store.database, for: user).isEmpty)
        }
        await store.close()
    }

    @Test func `a stretch of all documents keeps to its ends, its order and its limit`() async throws {
        let store = try await TestStore.make()
        for id in ["a", "b", "c", "d", "\u{E9}"] { try await store.put(id, tags: Tags(owner: "ann")) }
        try await store.put("b2", tags: Tags(owner: "bob"))
        func ids(_ change: (inout DocumentRange) -> Void) async throws -> [String] {
            var range = DocumentRange()
            change(&range)
            return try await store.store.documents(in: range, of: store.database, for: ann).map(\.id.text)
        }
        #expect(try await ids { _ in } == ["a", "b", "c", "d", "\u{E9}"])
        #expect(
            try await ids {
                $0.first = "b"
                $0.last = "d"
            } == ["b", "c", "d"]
        )
        #expect(
            try await ids {
                $0.first = "b"
                $0.last = "d"
                $0.includesLast = false
            } == ["b", "c"]
        )
        #expect(
            try await ids {
                $0.first = "d"
                $0.last = "b"
                $0.isDescending = true
            } == ["d", "c", "b"]
        )
        #expect(
            try await ids {
                $0.first = "d"
                $0.last = "b"
                $0.isDescending = true
                $0.includesLast = false
            } == ["d", "c"]
        )
        #expect(
            try await ids {
                $0.skip = 1
                $0.limit = 2
            } == ["b", "c"]
        )
        await store.close()
    }

    @Test func `local documents are each user's own`() async throws {
        let store = try await TestStore.make()
        let (documents, database) = (store.store, store.database)
        let body = Array("{\"x\":1}".utf8)
        #expect(try await documents.writeLocalDocument("c", body: body, after: 0, in: database, for: ann) == 1)
        #expect(try await documents.writeLocalDocument("c", body: body, after: 1, in: database, for: ann) == 2)
        // As in CouchDB, the last writer wins, whatever revision it names.
        #expect(try await documents.writeLocalDocument("c", body: body, after: 1, in: database, for: ann) == 2)
        #expect(try await documents.writeLocalDocument("c", body: body, after: 7, in: database, for: ann) == 8)
        #expect(try await documents.localDocument("c", in: database, for: ann)?.revision == 8)
        #expect(try await documents.localDocument("c", in: database, for: bob) == nil)
        #expect(try await documents.localDocument("c", in: database, for: TestStore.administrator) == nil)
        _ = try await documents.writeLocalDocument(
            "s",
            body: body,
            after: 0,
            in: database,
            for: TestStore.administrator
        )
        #expect(try await documents.localDocument("s", in: database, for: .anonymous) == nil)
        await #expect(throws: CouchError.self) {
            try await documents.writeLocalDocument("s", body: body, after: 0, in: database, for: .anonymous)
        }
        try await documents.deleteLocalDocument("c", in: database, for: ann)
        await #expect(throws: CouchError.missing) {
            try await documents.deleteLocalDocument("c", in: database, for: ann)
        }
        #expect(try await documents.info(database).updateSeq == 0)
        await store.close()
    }
}
