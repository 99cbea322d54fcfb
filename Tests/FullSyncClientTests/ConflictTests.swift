import CouchProtocol
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Documents that were edited in several places at once, and edits that the server refused.
@Suite(.timeLimit(.minutes(10))) struct ConflictTests {
    private let server = MemoryReplica(identity: "server")
    private let devices: [FullSyncDatabase]

    init() throws {
        devices = try (0..<2).map { place in
            let path = TestDirectory.make("conflicts") + "/db\(place).sqlite"
            return FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
        }
    }

    @discardableResult
    private func sync(_ database: FullSyncDatabase, _ resolver: ConflictResolver? = nil) async throws -> SyncResult {
        let run = SyncRun(
            name: "db",
            device: database.replica,
            server: server,
            options: SyncOptions(),
            control: SyncControl(),
            resolver: resolver,
            report: { _ in }
        )
        return try await run.run()
    }

    /// Both devices have edited the same revision of `a`, and have heard of it.
    private func stage(_ edits: [JSONObject]) async throws {
        try await devices[0].post(["_id": "a", "list": [1, 2], "o": ["x": 1]])
        try await sync(devices[0])
        try await sync(devices[1])
        for (device, edit) in zip(devices, edits) {
            var document = edit
            document["_id"] = "a"
            try await device.post(document, policy: .merge)
        }
        for device in devices + [devices[0]] { try await sync(device) }
    }

    @Test func `a conflict is listed on every device, and one choice ends it`() async throws {
        try await stage([["n": 1], ["n": 2]])
        let conflicts = try await devices[0].conflicts()
        #expect(conflicts.map(\.id) == ["a"] && conflicts.first?.revisions.count == 2)
        #expect(try await devices[1].conflicts() == conflicts)
        let conflict = try #require(conflicts.first)
        let last = try #require(conflict.revisions.last?["_rev"]?.stringValue)
        #expect(try await devices[0].resolve(conflict, .keep(revision: last)))
        #expect(try await devices[0].resolve(conflict, .keep(revision: last)) == false, "it is not there any more")
        for device in devices { try await sync(device) }
        for device in devices {
            #expect(try await device.conflicts().isEmpty)
            #expect(try await device.get("a")?["_rev"] == .string(last))
        }
    }

    @Test func `resolvers on both devices make the same document`() async throws {
        try await stage([["n": 1, "o.a": 1, "list": [5]], ["n": 2, "more": true, "list": [6, 7, 8]]])
        for device in devices { try await sync(device, .merge) }
        for device in devices + devices { try await sync(device, .merge) }
        let documents = try await [devices[0].get("a"), devices[1].get("a")]
        #expect(documents[0] == documents[1])
        #expect(documents[0]?["more"] == true && documents[0]?["o.a"] == 1 && documents[0]?["o"] == ["x": 1])
        for device in devices { #expect(try await device.conflicts().isEmpty) }
    }

    @Test func `the last writer is the one whose member is greatest`() async throws {
        try await stage([["at": "2027-01-02"], ["at": "2027-01-01"]])
        for device in devices + devices { try await sync(device, .lastWriter(by: "at")) }
        for device in devices { #expect(try await device.get("a")?["at"] == "2027-01-02") }
    }

    @Test func `what a resolver leaves stays on the list, and is told as an event of the store`() async throws {
        let news = devices[1].replica.news.listen()
        try await stage([["n": 1], ["n": 2]])
        try await sync(devices[1], ConflictResolver { _ in .leave })
        #expect(try await devices[1].conflicts().count == 1)
        for await next in news where !next.conflicts.isEmpty {
            #expect(next.conflicts.map(\.text) == ["a"])
            break
        }
    }

    /// A document with that many branches comes to the device.
    private func branch(_ id: String, _ count: Int, on database: FullSyncDatabase) async throws {
        let branches = try (0..<count).map { place in
            ReplicatedDocument(
                id: DocumentID(stored: id),
                path: RevisionPath(try RevisionID(parsing: "1-a\(place)"))
            )
        }
        #expect(try await database.replica.write(branches).isEmpty)
    }

    @Test func `a resolver that fails with one conflict is told, and goes on with the others`() async throws {
        let control = SyncControl()
        let events = control.events.listen()
        let given = Mutex<[String]>([])
        let resolver = ConflictResolver { conflict in
            given.withLock { $0.append(conflict.id) }
            if conflict.id == "a" { throw CouchError.badRequest("not this one") }
            return try await ConflictResolver.first.resolve(conflict)
        }
        let database = devices[0]
        try await branch("a", 2, on: database)
        try await branch("b", 2, on: database)
        let run = SyncRun(
            name: "db",
            device: database.replica,
            server: server,
            options: .live,
            control: control,
            resolver: resolver,
            report: { _ in }
        )
        let task = Task { try await run.run() }
        for await event in events {
            guard case .resolverFailed(let name, let document, let reason) = event else { continue }
            #expect((name, document, reason) == ("db", "a", "400 bad_request: not this one"))
            break
        }
        try await branch("c", 2, on: database)
        for try await _ in database.changes() where try await database.conflicts().map(\.id) == ["a"] { break }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(given.withLock { $0 } == ["a", "b", "c"], "none is given again for another's sake")
    }

    @Test func `a merge belongs to whom the first revision belonged`() async throws {
        let groups: [JSONValue] = [["a"], ["b", "c"]]
        try await stage(groups.enumerated().map { ["n\($0)": true, "~groups": $1] })
        let first = try #require(try await devices[0].conflicts().first?.revisions.first)
        #expect(try await devices[0].resolveConflicts(.merge) == 1)
        let merged = try #require(try await devices[0].get("a"))
        #expect(merged["n0"] == true && merged["n1"] == true)
        #expect(merged["~groups"] == first["~groups"])
    }

    @Test func `a conflict of three that is resolved is no news`() async throws {
        let database = devices[0]
        try await branch("a", 3, on: database)
        let news = database.replica.news.listen()
        #expect(try await database.resolveConflicts(.first) == 1)
        try await branch("b", 2, on: database)
        for await next in news {
            #expect(next.conflicts.map(\.text) == ["b"])
            break
        }
    }

    @Test func `what a resolver makes of what the user may not write is taken back, and made once`() async throws {
        let scripted = ScriptedServer()
        let database = devices[0]
        let path = RevisionPath(try await scripted.base.put(DocumentID(stored: "a"), ["n": 1]))
        let branches = [1, 2].map { path.appending(RevisionHash.digest($0, $0)) }
        let id = DocumentID(stored: "a")
        #expect(await scripted.base.take(branches.map { ReplicatedDocument(id: id, path: $0) }).isEmpty)
        scripted.refused.withLock { $0 = ["a": .forbidden("It is nobody's.")] }
        let written = Mutex(0)
        scripted.judge.withLock {
            $0 = { call in if case .write = call { written.withLock { $0 += 1 } } }
        }
        for _ in 0..<3 {
            var run = SyncRun(of: database, with: scripted)
            run.resolver = .merge
            _ = try await run.run()
            let leaves = try await database.replica.read { try $0.document(id)?.tree.leaves.map(\.id) }
            #expect(Set(leaves ?? []) == Set(branches.map(\.revision)))
            #expect(try await database.refusedEdits().isEmpty)
        }
        #expect(written.withLock { $0 } == 1)
    }

    @Test func `an edit that the server has refused is not given up for a resolver`() async throws {
        let (scripted, database, id) = (ScriptedServer(), devices[0], DocumentID(stored: "a"))
        let base = try await scripted.base.put(id, ["n": 1])
        _ = try await SyncRun(of: database, with: scripted).run()
        let edit = try await database.post(["_id": "a", "m": 2], policy: .merge)
        let newer = try await scripted.base.put(id, ["n": 3, "_rev": .string(base.description)])
        scripted.refused.withLock { $0 = ["a": .forbidden("It is nobody's.")] }
        for _ in 0..<3 {
            var run = SyncRun(of: database, with: scripted)
            run.resolver = .merge
            _ = try await run.run()
            #expect(try await database.refusedEdits().map(\.revision) == [edit.revision])
            let leaves = try await database.leaves(of: "a").map { $0["_rev"]?.stringValue }
            #expect(Set(leaves) == [edit.revision, newer.description])
        }
    }

    @Test func `a conflict is news again when its refused edit is no longer refused`() async throws {
        let database = devices[0]
        try await branch("a", 2, on: database)
        let id = DocumentID(stored: "a")
        let leaves = try await database.replica.read { try $0.document(id)?.tree.leaves.map(\.id) ?? [] }
        let edits = leaves.map { leaf in
            FullSyncDatabase.RefusedEdit(id: "a", revision: leaf.description, error: "forbidden", reason: "")
        }
        try #require(edits.count == 2)
        _ = try await database.replica.transaction { writer in try edits.map { try writer.refuse($0) } }
        #expect(try await database.resolveConflicts(.first) == 0)
        let news = database.replica.news.listen()
        let watch = ServerWatch(server, device: database.replica)
        let target = PushTarget(server: watch, device: database.replica) { _ in }
        for leaf in leaves {
            _ = try await server.write([ReplicatedDocument(id: id, path: RevisionPath(leaf))])
            _ = try await target.revisionsDifference([DocumentRevisions(id: id, revisions: [leaf])])
            // Only the last of them has made it a conflict to resolve.
            let isLast = leaf == leaves.last
            #expect(try await database.refusedEdits().isEmpty == isLast)
            if !isLast { try await branch("b", 2, on: database) }
        }
        var told: [String] = []
        for await next in news {
            told += next.conflicts.map(\.text)
            if told.count == 2 { break }
        }
        #expect(told == ["b", "a"])
        #expect(try await database.resolveConflicts(.first) == 2)
    }

    @Test func `a refused edit is taken back to what the server has`() async throws {
        let database = devices[0]
        try await server.put(DocumentID(stored: "a"), ["n": 1])
        try await sync(database)
        try await database.post(["_id": "a", "n": 2], policy: .override)
        try await database.post(["_id": "b", "n": 2])
        let refused = try await ["a", "b"].asyncMap { id in
            let revision = try await database.get(id)?["_rev"]?.stringValue ?? ""
            return FullSyncDatabase.RefusedEdit(id: id, revision: revision, error: "forbidden", reason: "")
        }
        let noted = try await database.replica.transaction { writer in try refused.map { try writer.refuse($0) } }
        #expect(noted == [true, true])
        for edit in refused { #expect(try await database.takeBack(edit, from: server)) }
        #expect(try await database.get("a")?["n"] == 1)
        #expect(try await database.get("b") == nil)
        #expect(try await database.refusedEdits().isEmpty)
        #expect(try await sync(database).pushed == 0)
        #expect(try await database.takeBack(refused[0], from: server) == false)
    }
}

extension [String] {
    fileprivate func asyncMap<Value>(_ body: (String) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
