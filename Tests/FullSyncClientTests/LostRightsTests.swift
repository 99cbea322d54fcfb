import CouchProtocol
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Edits of documents that the server takes away, refuses, or lacks a part of.
@Suite(.timeLimit(.minutes(10))) struct LostRightsTests {
    private let server = ScriptedServer()
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("lost") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func sync(_ options: SyncOptions = SyncOptions()) async throws -> SyncResult {
        try await SyncRun(of: database, with: server, options).run()
    }

    private static let id = DocumentID(stored: "a")

    @Test(arguments: [SyncOptions(), .pull])
    func `an edit behind an older revision than the one that was lost leaves the device, too`(
        options: SyncOptions
    ) async throws {
        let base = try await server.base.put(Self.id, ["n": 1])
        _ = try await sync()
        let edit = try await database.post(["_id": "a", "n": 2], policy: .merge)
        let newer = try await server.base.put(Self.id, ["n": 3, "_rev": .string(base.description)])
        try await server.base.revoke("a", newer)
        server.refused.withLock { $0["a"] = .forbidden("It is not yours.") }
        _ = try await sync(options)
        #expect(try await database.get("a") == nil)
        #expect(try await database.all().isEmpty)
        let kept = try await database.keptEdits()
        #expect(kept.map(\.revision) == [edit.revision] && kept.first?.document["n"] == 2)
        #expect(try await database.refusedEdits().isEmpty)
        #expect(try await sync() == SyncResult(), "and nothing of it goes back")
    }

    @Test func `of a document with branches only what follows the lost one leaves the device`() async throws {
        let base = try await server.base.put(Self.id, ["n": 1])
        let path = RevisionPath(base)
        let (lost, present) = (path.appending(RevisionHash.digest(1, 1)), path.appending(RevisionHash.digest(2, 2)))
        let branches = [lost, present].map { ReplicatedDocument(id: Self.id, path: $0) }
        #expect(await server.base.take(branches).isEmpty)
        _ = try await sync()
        let edits = try await [lost, present].asyncMap { branch in
            let document: JSONObject = ["_id": "a", "_rev": .string(branch.revision.description), "n": 2]
            return try await database.post(document).revision
        }
        try await server.base.revoke("a", lost.revision)
        _ = try await sync(.pull)
        #expect(try await database.keptEdits().map(\.revision) == [edits[0]])
        #expect(try await database.get("a")?["_rev"] == .string(edits[1]))
        #expect(try await sync().pushed == 1, "what may still be edited is pushed")
        #expect(await server.base.document(Self.id)?["_rev"] == .string(edits[1]))
    }

    /// Both branches of a document are the server's, whether the device has pushed or only pulled them.
    @Test(arguments: [false, true]) func `what the server made is no edit when all of a document is lost`(
        isLocal: Bool
    ) async throws {
        let path = RevisionPath(try await server.base.put(Self.id, ["n": 1]))
        let branches = [1, 2].map { path.appending(RevisionHash.digest($0, $0)) }
        #expect(await server.base.take(branches.map { ReplicatedDocument(id: Self.id, path: $0) }).isEmpty)
        if isLocal { try await database.post(["_id": "a", "n": 0]) }
        _ = try await sync()
        if isLocal { try await database.offerEverything() }
        let leaves = try #require(try await database.replica.read { try $0.document(Self.id)?.tree.leaves })
        for leaf in leaves { try await server.base.revoke("a", leaf.id) }
        _ = try await sync(.pull)
        #expect(try await database.get("a") == nil)
        #expect(try await database.keptEdits().isEmpty)
        #expect(try await sync() == SyncResult())
    }

    @Test func `the views have nothing of what is lost, also while nobody asks them anew`() async throws {
        let base = try await server.base.put(Self.id, ["text": "Wintergarten"])
        try await server.base.put(DocumentID(stored: "b"), ["text": "Fruehbeet"])
        let map: JSONValue = "function (doc) { emit(doc._id, doc); }"
        try await server.base.put(DocumentID(stored: "_design/x"), ["views": ["v": ["map": map]]])
        _ = try await sync()
        #expect(try await database.view("x", "v").rows.map(\.id) == ["a", "b"])
        let index = try await database.target("x", "v").index
        // What was mapped in front of the loss is written behind it.
        let end = try await database.replica.position(of: index)
        let late = try await database.replica.indexPage(index, since: 0, through: end)
        let page = IndexPage(from: end, through: late.through, isLast: true, ids: late.ids, rows: late.rows)
        try await server.base.revoke("a", base)
        _ = try await sync(.pull)
        #expect(try await database.replica.write(page, to: index) == false)
        var query = ViewQuery()
        query.freshness = .asItIs
        let result = try await database.view("x", "v", query)
        #expect(result.rows.map(\.id) == ["b"] && result.totalRows == 1)
        #expect(try await database.view("x", "v").rows.map(\.id) == ["b"])
    }

    @Test func `an edit that the server has taken after all is not listed as refused`() async throws {
        for id in ["a", "b"] { try await database.post(["_id": .string(id)]) }
        server.refused.withLock { $0 = ["a": .forbidden("Not yet."), "b": .forbidden("Not yet.")] }
        server.judge.withLock {
            $0 = { call in if case .putLocal = call { throw TransportError("cut") } }
        }
        var options = SyncOptions.push
        options.attempts = 1
        await #expect(throws: TransportError.self) { try await sync(options) }
        #expect(try await database.refusedEdits().count == 2)
        server.judge.withLock { $0 = { _ in } }
        server.refused.withLock { $0 = [:] }
        // One comes to the server on another way.
        let edit = try #require(try await database.get("b")?["_rev"]?.stringValue)
        let path = RevisionPath(try RevisionID(parsing: edit))
        #expect(await server.base.take([ReplicatedDocument(id: DocumentID(stored: "b"), path: path)]).isEmpty)
        #expect(try await sync(.push).pushed == 1)
        #expect(try await database.refusedEdits().isEmpty)
    }

    @Test func `a refusal of what was edited again meanwhile is not listed`() async throws {
        try await database.post(["_id": "a", "n": 1])
        server.refused.withLock { $0["a"] = .forbidden("Not this one.") }
        server.judge.withLock {
            $0 = { [database, server] call in
                guard case .write = call else { return }
                server.judge.withLock { $0 = { _ in } }
                try await database.post(["_id": "a", "n": 2], policy: .override)
            }
        }
        #expect(try await sync(.push).refused == 1)
        #expect(try await database.refusedEdits().isEmpty)
        server.refused.withLock { $0 = [:] }
        #expect(try await sync(.push).pushed == 1)
        #expect(try await database.refusedEdits().isEmpty)
        #expect(await server.base.document(Self.id)?["n"] == 2)
    }

    @Test func `an attachment that the server lost meanwhile is sent, and nothing is refused`() async throws {
        let content: JSONObject = ["_attachments": ["x": ["data": "aGVsbG8="]], "n": 1]
        let base = try await server.base.put(Self.id, content)
        _ = try await sync()
        let edit = try await database.post(["_id": "a", "n": 2], policy: .merge)
        server.judge.withLock {
            $0 = { [server] call in
                guard case .write = call else { return }
                server.judge.withLock { $0 = { _ in } }
                try await server.base.put(Self.id, ["_rev": .string(base.description), "n": 3])
                await server.base.compact()
            }
        }
        let result = try await sync(.push)
        #expect((result.pushed, result.refused) == (1, 0))
        #expect(try await database.refusedEdits().isEmpty)
        let found = await server.base.fetch([
            FetchRequest(id: Self.id, revision: try RevisionID(parsing: edit.revision))
        ])
        guard case .document(let document)? = found.first else { throw CouchError.missing }
        #expect(document.attachments.map(\.content) == [Array("hello".utf8)])
    }

    @Test func `an attachment that the device gave up meanwhile comes with the server's revision`() async throws {
        let content: JSONObject = ["_attachments": ["x": ["data": "aGVsbG8="]], "n": 1]
        let base = try await server.base.put(Self.id, content)
        _ = try await sync()
        let stub: JSONValue = ["x": ["stub": true]]
        let newer = try await server.base.put(
            Self.id,
            ["_rev": .string(base.description), "n": 2, "_attachments": stub]
        )
        server.judge.withLock {
            $0 = { [database, server] call in
                guard case .fetch = call else { return }
                server.judge.withLock { $0 = { _ in } }
                _ = try await database.deleteAttachment("x", of: "a")
            }
        }
        let result = try await sync(.pull)
        #expect((result.pulled, result.failed) == (1, 0))
        var options = GetOptions()
        options.revision = newer.description
        options.includesAttachments = true
        #expect(try await database.get("a", options)?["_attachments"]?["x"]?["data"] == "aGVsbG8=")
    }
}

extension Sequence where Element: Sendable {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
