import CouchProtocol
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Syncs with a server that refuses, forgets sessions and takes documents away.
@Suite struct SyncRunTests {
    private let server = StubbornServer()
    private let database: FullSyncDatabase
    private let control = SyncControl()

    init() throws {
        let path = TestDirectory.make("sync") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func run(
        _ options: SyncOptions = SyncOptions(),
        report: @escaping @Sendable (SyncProgress) -> Void = { _ in }
    ) -> SyncRun {
        SyncRun(of: database, with: server, options, control, report: report)
    }

    @Test func `what was only pulled is not offered back`() async throws {
        try await server.base.put(DocumentID(stored: "a"), ["n": 1])
        #expect(try await run().run().pulled == 1)
        try await database.post(["_id": "b"])
        server.asked.withLock { $0 = [] }
        #expect(try await run().run().pushed == 1)
        #expect(server.asked.withLock { $0 } == ["b"])
    }

    @Test func `a refused edit is listed until there is another, or it is offered again`() async throws {
        server.refused.withLock { $0 = ["a"] }
        try await database.post(["_id": "a", "n": 1])
        try await database.post(["_id": "b"])
        let result = try await run().run()
        #expect((result.pushed, result.refused) == (1, 1))
        #expect(try await database.refusedEdits().map(\.error) == ["forbidden"])
        // Once is enough.
        #expect(try await run().run().refused == 0)
        try await database.retryRefusedEdits()
        #expect(try await database.refusedEdits().isEmpty)
        #expect(try await run().run().refused == 1)
        try await database.post(["_id": "a", "n": 2], policy: .override)
        #expect(try await database.refusedEdits().isEmpty)
        server.refused.withLock { $0 = [] }
        #expect(try await run().run().pushed == 1)
        #expect(await server.base.document(DocumentID(stored: "a"))?["n"] == 2)
    }

    @Test func `a live sync waits for the login when the session has ended, and refuses nothing`() async throws {
        server.isLoggedOut.withLock { $0 = true }
        try await database.post(["_id": "a"])
        await #expect(throws: CouchError.self) { try await run().run() }
        let (progress, continuation) = AsyncStream.makeStream(of: SyncProgress.self)
        let sync = run(.live) { continuation.yield($0) }
        let task = Task { try await sync.run() }
        var waiting: Set<SyncDirection> = []
        for await next in progress where next.state == .needsLogin {
            waiting.insert(next.direction)
            if waiting.count == 2 { break }
        }
        #expect(try await database.refusedEdits().isEmpty)
        server.isLoggedOut.withLock { $0 = false }
        control.loggedIn("user")
        try await eventually("the edit is on the server") {
            await server.base.document(DocumentID(stored: "a")) != nil
        }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(await server.base.document(DocumentID(stored: "a")) != nil)
    }

    @Test func `what is taken away leaves the device, and edits of it are kept aside`() async throws {
        var bases: [String: RevisionID] = [:]
        for id in ["untouched", "edited"] {
            let document: JSONObject = ["n": 1, "_attachments": ["x": ["data": "aGVsbG8="]]]
            bases[id] = try await server.base.put(DocumentID(stored: id), document)
        }
        _ = try await run().run()
        try await database.post(["_id": "edited", "n": 2], policy: .merge)
        for (id, base) in bases {
            let path = RevisionPath(base).appending(Revocation.tombstone(of: base).hash)
            let tombstone = ReplicatedDocument(id: DocumentID(stored: id), path: path, isDeleted: true)
            #expect(await server.base.take([tombstone]) == [])
        }
        server.refused.withLock { $0 = ["edited"] }
        _ = try await run().run()
        #expect(try await database.all().isEmpty)
        let kept = try await database.keptEdits()
        #expect(kept.map(\.documentID) == ["edited"])
        #expect(kept.first?.document["n"] == 2)
        #expect(try await database.attachment("x", of: try #require(kept.first))?.content == Data("hello".utf8))
        #expect(try await database.refusedEdits().isEmpty)
        // It is told once, and nothing of it goes back.
        server.asked.withLock { $0 = [] }
        #expect(try await run().run() == SyncResult())
        #expect(server.asked.withLock { $0 } == [])
    }
}

/// A server in memory that does as it is told.
private final class StubbornServer: Replica {
    let base = MemoryReplica(identity: "server")
    let refused = Mutex<Set<String>>([])
    let isLoggedOut = Mutex(false)
    /// The documents whose revisions it was asked about.
    let asked = Mutex<[String]>([])

    var identity: String { base.identity }

    private func checkSession() throws {
        if isLoggedOut.withLock({ $0 }) { throw CouchError.unauthorized("The session has ended.") }
    }

    func info() async throws -> ReplicaInfo { await base.info() }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try checkSession()
        return try await base.changes(request)
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        asked.withLock { $0 += revisions.map(\.id.text) }
        return await base.revisionsDifference(revisions)
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] { await base.fetch(requests) }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        let names = refused.withLock { $0 }
        let failures = try await base.write(documents.filter { !names.contains($0.id.text) })
        return failures
            + documents.filter { names.contains($0.id.text) }.map {
                WriteFailure(id: $0.id, revision: $0.path.revision, error: .forbidden("It is not yours."))
            }
    }

    func localDocument(_ name: String) async throws -> LocalDocument? {
        try checkSession()
        return await base.localDocument(name)
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try checkSession()
        return try await base.putLocalDocument(name, document)
    }
}
