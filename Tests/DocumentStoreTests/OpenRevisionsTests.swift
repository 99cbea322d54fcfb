import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

@Suite(.database) struct OpenRevisionsTests {
    private let ann = Caller.user(name: "ann", groups: [])
    private let id = DocumentID(stored: "d")

    /// A document with a branch of Ann's, one of Bob's that wins, and one that was deleted: Bob's too, as the winner of
    /// what it came from.
    private func document() async throws -> TestStore {
        let store = try await TestStore.make()
        try await store.graft("d", ["2-aa", "1-aa"], tags: Tags(owner: "ann"))
        try await store.graft("d", ["3-bb", "2-bb", "1-aa"], tags: Tags(owner: "bob"))
        try await store.graft("d", ["3-dd", "2-dd", "1-aa"], tags: Tags(owner: "ann"), deleted: true)
        return store
    }

    private func open(
        _ selection: OpenRequest.Selection,
        latest: Bool = false,
        _ store: TestStore,
        for caller: Caller
    ) async throws -> [String] {
        let opened = try await store.store.openRevisions(
            [OpenRequest(id: id, selection, latest: latest)],
            from: store.database,
            for: caller,
            withHistory: false
        )
        return opened[0].map { revision in
            switch revision {
            case .found(let found): "\(found.revision)\(found.isDeleted ? " deleted" : "")"
            case .missing(let revision): "no \(revision)"
            }
        }
    }

    @Test func `an administrator opens every leaf, the winner first`() async throws {
        let store = try await document()
        let admin = TestStore.administrator
        #expect(try await open(.winner, store, for: admin) == ["3-bb"])
        #expect(try await open(.leaves, store, for: admin) == ["3-bb", "2-aa", "3-dd deleted"])
        #expect(
            try await open(.revisions(["2-aa", "1-aa", "9-99"]), store, for: admin) == ["2-aa", "no 1-aa", "no 9-99"]
        )
        #expect(
            try await open(.revisions(["2-bb", "1-aa", "9-99"]), latest: true, store, for: admin)
                == ["3-bb", "2-aa", "3-dd deleted", "no 9-99"]
        )
        await store.close()
    }

    @Test func `a user opens what is the user's, and the rest is as if it were not there`() async throws {
        let store = try await document()
        #expect(try await open(.winner, store, for: ann) == ["2-aa"])
        #expect(try await open(.leaves, store, for: ann) == ["2-aa"])
        #expect(
            try await open(.revisions(["3-bb", "2-bb", "2-aa"]), store, for: ann) == ["no 3-bb", "no 2-bb", "2-aa"]
        )
        #expect(
            try await open(.revisions(["1-aa", "3-bb"]), latest: true, store, for: ann) == ["2-aa", "no 3-bb"]
        )
        let eve = Caller.user(name: "eve", groups: [])
        #expect(try await open(.winner, store, for: eve).isEmpty)
        #expect(try await open(.leaves, store, for: eve).isEmpty)
        #expect(try await open(.revisions(["3-bb"]), store, for: eve) == ["no 3-bb"])
        await store.close()
    }

    @Test func `many requests are answered each in its place`() async throws {
        let store = try await document()
        for number in 0..<5 { try await store.put("n\(number)", #"{"n":\#(number)}"#) }
        let ids = ["n3", "none", "d", "n3", "n0"].map(DocumentID.init(stored:))
        let opened = try await store.store.openRevisions(
            ids.map { OpenRequest(id: $0, .leaves) },
            from: store.database,
            for: TestStore.administrator,
            withHistory: true
        )
        #expect(opened.map(\.count) == [1, 0, 3, 1, 1])
        let body = try #require(opened[0][0].found?.body)
        #expect(try JSONValue(parsing: body) == ["n": 3])
        #expect(opened[2].map { $0.found?.tree?.leaves.count } == [3, 3, 3])
        await store.close()
    }

    @Test func `a document that is asked for in many ways at once answers each as it does alone`() async throws {
        let store = try await document()
        let requests = [
            OpenRequest(id: id, .winner), OpenRequest(id: id, .revisions(["2-aa"])), OpenRequest(id: id, .leaves),
            OpenRequest(id: id, .revisions(["2-aa"])), OpenRequest(id: id, .revisions(["1-aa"]), latest: true),
            OpenRequest(id: DocumentID(stored: "none"), .winner), OpenRequest(id: id, .revisions(["3-bb", "9-a"])),
        ]
        func names(_ opened: [[OpenedRevision]]) -> [[String]] {
            opened.map { $0.map { "\($0.found?.revision.description ?? "none") \($0.found?.body.count ?? 0)" } }
        }
        for caller in [TestStore.administrator, ann] {
            var alone: [[String]] = []
            for request in requests {
                alone += names(
                    try await store.store.openRevisions(
                        [request],
                        from: store.database,
                        for: caller,
                        withHistory: false
                    )
                )
            }
            let together = try await store.store.openRevisions(
                requests,
                from: store.database,
                for: caller,
                withHistory: false
            )
            #expect(names(together) == alone)
        }
        await store.close()
    }

    @Test func `what is known of the ancestors' bodies is told`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d")
        let second = try await store.put("d", after: first)
        try await store.graft("d", ["4-dd", "3-cc", second.description, first.description], tags: .none)
        let found = try #require(try await store.store.document(id, in: store.database, for: TestStore.administrator))
        let info = try await store.store.revisionsInfo(of: found)
        #expect(
            info.map { "\($0.revision) \($0.status)" } == [
                "4-dd available", "3-cc missing", "\(second) available", "\(first) available",
            ]
        )
        await store.close()
    }
}
