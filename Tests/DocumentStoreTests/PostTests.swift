import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// What sequences' posts do, by policy.
@Suite(.database) struct PostTests {
    private func content(_ store: TestStore, _ id: String) async throws -> JSONValue? {
        let found = try await store.store.document(
            DocumentID(stored: id),
            in: store.database,
            for: TestStore.administrator
        )
        guard let found, !found.isDeleted else { return nil }
        return try JSONValue(parsing: found.body)
    }

    private func tags(_ store: TestStore, _ id: String) async throws -> Tags? {
        try await store.store.document(DocumentID(stored: id), in: store.database, for: TestStore.administrator)?.tags
    }

    @Test func `none wants the revision that it replaces`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d", #"{"a":1}"#)
        let rev = JSONValue.string(first.description)
        let outcomes = try await store.post(
            policy: .none,
            [
                ["_id": "d", "a": 2], ["_id": "d", "_rev": rev, "a": 3], ["_id": "new", "a": 4], ["_id": 5], ["_x": 1],
            ]
        )
        #expect(outcomes[0] == .refused(id: "d", .conflict))
        #expect(outcomes[1].isWritten && outcomes[2].isWritten)
        #expect(!outcomes[3].isWritten && !outcomes[4].isWritten)
        #expect(try await content(store, "d") == ["a": 3])
        await store.close()
    }

    @Test func `create makes a document each time`() async throws {
        let store = try await TestStore.make()
        let outcomes = try await store.post(policy: .create, [["_id": "d", "a": 1], ["_id": "d", "a": 1]])
        #expect(outcomes.allSatisfy { $0.isWritten })
        #expect(try await store.store.info(store.database).documents == 2)
        #expect(try await content(store, "d") == nil)
        await store.close()
    }

    @Test func `override takes the old one's place, merge goes over it deeply`() async throws {
        let store = try await TestStore.make()
        for id in ["o", "m"] { try await store.put(id, #"{"a":{"x":1,"y":[1,2]},"b":1}"#) }
        _ = try await store.post(policy: .override, [["_id": "o", "a": ["z": 3]]])
        _ = try await store.post(policy: .merge, [["_id": "m", "a": ["y": [3], "z": 3]]])
        #expect(try await content(store, "o") == ["a": ["z": 3]])
        #expect(try await content(store, "m") == ["a": ["x": 1, "y": [3], "z": 3], "b": 1])
        await store.close()
    }

    @Test func `the same id twice in one post is one change`() async throws {
        let store = try await TestStore.make()
        _ = try await store.post(policy: .merge, [["_id": "m", "a": 1], ["_id": "m", "b": 2]])
        _ = try await store.post(policy: .override, [["_id": "o", "a": 1], ["_id": "o", "b": 2]])
        #expect(try await content(store, "m") == ["a": 1, "b": 2])
        #expect(try await content(store, "o") == ["b": 2])
        #expect(try await store.store.info(store.database).updateSeq == 2)
        await store.close()
    }

    @Test func `what is as posted is left alone, tags included`() async throws {
        let store = try await TestStore.make()
        let document: JSONObject = ["_id": "d", "a": 1.0, "b": ["x": 1, "y": 2]]
        let same: JSONObject = ["b": ["y": 2, "x": 1], "a": 1, "_id": "d"]
        func post(_ document: JSONObject, _ tags: Tags) async throws -> PostOutcome {
            try await store.post(
                DocumentPost(
                    documents: [document],
                    policy: .override,
                    ownership: .tags(tags),
                    onlyIfChanged: true
                )
            )[0]
        }
        let tags = Tags(owner: "ann", groups: ["g", "h"])
        #expect(try await post(document, tags).isWritten)
        #expect(!(try await post(same, Tags(owner: "ann", groups: ["h", "g"])).isWritten))
        #expect(try await post(same, Tags(owner: "ann", groups: ["g"])).isWritten)
        #expect(try await post(["_id": "d", "a": 2], Tags(owner: "ann", groups: ["g"])).isWritten)
        #expect(try await post(["_id": "d", "_deleted": true], .none).isWritten)
        #expect(try await self.tags(store, "d") == Tags(owner: "ann", groups: ["g"]))
        #expect(try await post(["_id": "d", "a": 2], tags).isWritten)
        #expect(try await self.tags(store, "d") == tags)
        await store.close()
    }

    @Test func `merge rules say what of a merge goes otherwise`() async throws {
        let store = try await TestStore.make()
        try await store.put("d", #"{"a":{"x":1,"y":[1,2]},"b":[1],"c":{"k":1},"gone":{"x":1,"y":2}}"#)
        let rules = try MergeRule.rules([
            "a/y": "append", "b": "prepend", "c": "override", "gone/x": "delete", "nowhere/x": "delete",
            "new": "append", "_separator": "/",
        ])
        let outcomes = try await store.post(
            DocumentPost(
                documents: [["_id": "d", "a": ["y": [3]], "b": [0], "c": ["m": 2], "gone": ["x": 5], "new": [1]]],
                policy: .merge,
                ownership: .asWritten,
                onlyIfChanged: false,
                mergeRules: rules
            )
        )
        #expect(outcomes[0].isWritten)
        #expect(
            try await content(store, "d") == [
                "a": ["x": 1, "y": [1, 2, 3]], "b": [0, 1], "c": ["m": 2], "gone": ["y": 2], "new": [1],
            ]
        )
        await store.close()
    }

    @Test(
        arguments: [["a": "add"], ["a": 1], ["a..b": "append"], ["a": "append", "_separator": "--"]] as [JSONObject]
    )
    func `a merge rule that is none is refused`(object: JSONObject) {
        #expect(throws: CouchError.self) { try MergeRule.rules(object) }
    }

    @Test func `what was changed after the place that a post names is left alone`() async throws {
        let store = try await TestStore.make()
        for id in ["kept", "changed", "deleted"] { try await store.put(id, #"{"a":1}"#) }
        let place = try await store.store.info(store.database).updateSeq
        _ = try await store.post(policy: .override, [["_id": "changed", "a": 2]])
        _ = try await store.post(policy: .override, [["_id": "deleted", "_deleted": true]])
        let documents: [JSONObject] = ["kept", "changed", "deleted", "new"].map { ["_id": .string($0), "a": 3] }
        let outcomes = try await store.post(
            DocumentPost(
                documents: documents,
                policy: .merge,
                ownership: .asWritten,
                onlyIfChanged: false,
                unlessChangedSince: place
            )
        )
        #expect(outcomes.map(\.isWritten) == [true, false, false, true])
        #expect(try await content(store, "kept") == ["a": 3])
        #expect(try await content(store, "changed") == ["a": 2])
        #expect(try await content(store, "deleted") == nil)
        await store.close()
    }

    @Test func `merges of several processes at once all count`() async throws {
        let store = try await TestStore.make()
        let other = try await store.another()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, writer) in (0..<12).map({ ($0, [store, other][$0 % 2]) }) {
                group.addTask {
                    let outcomes = try await writer.post(
                        policy: .merge,
                        [["_id": "d", "w\(index)": .number(JSONNumber(index))]]
                    )
                    #expect(outcomes[0].isWritten)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await content(store, "d")?.objectValue?.count == 12)
        await store.close()
        await other.close()
    }

    @Test func `when the ledger refuses nothing is written`() async throws {
        let store = try await TestStore.make()
        let post = DocumentPost(
            documents: [["_id": "d"]],
            policy: .override,
            ownership: .asWritten,
            onlyIfChanged: false
        )
        await #expect(throws: NoRow.self) {
            _ = try await store.store.post(
                post,
                to: store.database,
                by: .sequence(user: nil),
                traceID: nil,
                ledger: { _ in "SELECT 1 WHERE false" },
                check: { rows in if rows.isEmpty { throw NoRow() } }
            )
        }
        #expect(try await store.store.info(store.database).updateSeq == 0)
        await store.close()
    }

    @Test func `a post of new owners waits for no connection that it holds itself`() async throws {
        let store = try await TestStore.make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // More posts than the pool has connections.
            for index in 0..<16 {
                group.addTask {
                    let outcomes = try await store.post(
                        DocumentPost(
                            documents: [["_id": .string("d\(index)")]],
                            policy: .override,
                            ownership: .owner("user\(index)"),
                            onlyIfChanged: false
                        )
                    )
                    #expect(outcomes[0].isWritten)
                }
            }
            try await group.waitForAll()
        }
        await store.close()
    }
}

extension TestStore {
    /// Posts as a sequence that runs for nobody.
    func post(_ post: DocumentPost) async throws -> [PostOutcome] {
        try await store.post(
            post,
            to: database,
            by: .sequence(user: nil),
            traceID: nil,
            ledger: { _ in "SELECT 1" },
            check: { _ in }
        )
    }

    func post(policy: DocumentPost.Policy, _ documents: [JSONObject]) async throws -> [PostOutcome] {
        try await post(DocumentPost(documents: documents, policy: policy, ownership: .asWritten, onlyIfChanged: false))
    }
}

extension PostOutcome {
    var isWritten: Bool {
        if case .written = self { true } else { false }
    }
}
