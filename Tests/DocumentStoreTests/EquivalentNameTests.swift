import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// Names that Unicode calls equivalent, or characters that join with what stands before them: they are told apart, and
/// recognised, by their bytes, in Swift as in PostgreSQL.
@Suite(.database) struct EquivalentNameTests {
    private static let composed = "caf\u{E9}"
    private static let decomposed = "cafe\u{301}"

    @Test func `PostgreSQL and Swift agree on what a design document is, and users may write none`() async throws {
        let store = try await TestStore.make()
        let names = ["x", "\u{301}x", "\u{200D}x", "\u{FE0F}x"]
        let ids = names.map { "_design/" + $0 } + ["_design", "_design0", "_desig\u{301}n/x", "d"]
        for id in ids {
            let outcome = try await store.store.write(
                [.next(id)],
                to: store.database,
                by: .user(name: "ann", groups: [])
            )[0]
            #expect((outcome.error == "forbidden") == DocumentID(stored: id).isDesign, "\(id)")
            if case .refused = outcome { try await store.put(id) }
        }
        var range = DocumentRange()
        range.onlyDesigns = true
        let found = try await store.store.listDocuments(
            in: range,
            of: store.database,
            for: TestStore.administrator,
            size: 100
        )
        let designs = ids.filter { DocumentID(stored: $0).isDesign }
        #expect(designs.count == names.count)
        #expect(Set(found.documents.map(\.id)) == Set(designs.map { DocumentID(stored: $0) }))
        await store.close()
    }

    @Test func `who leaves one of two equivalent groups loses what is its alone`() async throws {
        let store = try await TestStore.make()
        let (first, second) = (Self.composed, Self.decomposed)
        #expect(try await store.store.setGroups([ExactText(first)], of: "ann", by: .administrator))
        #expect(try await store.store.addMember("ann", to: second, by: .login))
        #expect(try await store.store.groups(of: "ann").count == 2)
        try await store.put("a", tags: Tags(groups: [first]))
        try await store.put("b", tags: Tags(groups: [second]))
        var device = Device(user: "ann")
        let both = try await store.store.groups(of: "ann")
        while try await device.pull(from: store, limit: 10, groups: both) {}
        #expect(Set(device.documents.keys.map(\.text)) == ["a", "b"])

        #expect(try await store.store.removeMember("ann", from: second, by: .login))
        let left = try await store.store.groups(of: "ann")
        #expect(left == [ExactText(first)])
        while try await device.pull(from: store, limit: 10, groups: left) {}
        #expect(Set(device.documents.keys.map(\.text)) == ["a"])
        #expect(try await store.store.setGroups([ExactText(second)], of: "ann", by: .administrator))
        await store.close()
    }

    @Test func `both of two equivalent documents are compacted`() async throws {
        let store = try await TestStore.make()
        for id in [Self.composed, Self.decomposed] {
            let first = try await store.put(id, #"{"n":1}"#)
            try await store.put(id, #"{"n":2}"#, after: first)
        }
        while try await store.store.compact(store.database, through: .max, olderThan: .zero) {}
        #expect(try await store.scalar("SELECT count(*) FROM bodies", as: Int64.self) == 2)
        await store.close()
    }

    @Test func `a feed's name says its kind whatever the name begins with`() {
        for feed in [Feed.owner("\u{301}x"), .group("\u{200D}"), .revoked(":a"), .everybody] {
            #expect(Feed(text: feed.text) == feed)
        }
    }

    @Test func `a plan knows users by their bytes`() {
        let id = DocumentID(stored: "d")
        #expect(WritePlan.Reader(user: Self.composed, id: id) != WritePlan.Reader(user: Self.decomposed, id: id))
    }

    @Test func `a sequence's document has the members that it says`() throws {
        var settings = DatabaseSettings()
        settings.ownerMember = Self.composed
        let document: JSONObject = ["_id": "d", Self.composed: "ann", Self.decomposed: 1]
        let post = DocumentPost(documents: [document], policy: .override, ownership: .asWritten, onlyIfChanged: false)
        let plan = PostPlan(post, over: [:], settings) { DocumentID(stored: "r") }
        #expect(try JSONValue(parsing: plan.edits[0].body.bytes) == [Self.decomposed: 1])
        let special: JSONObject = ["_id": "d", "_\u{301}x": 1]
        let refused = PostPlan(
            DocumentPost(documents: [special], policy: .override, ownership: .asWritten, onlyIfChanged: false),
            over: [:],
            settings
        ) { DocumentID(stored: "r") }
        #expect(refused.edits.isEmpty)
    }

    @Test func `the settings of tags name no member of CouchDB's`() {
        var settings = DatabaseSettings()
        settings.ownerMember = "_\u{301}owner"
        #expect(throws: CouchError.self) { try settings.check() }
    }
}
