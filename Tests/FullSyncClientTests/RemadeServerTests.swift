import CouchProtocol
import GRDB
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Live syncs with a server whose database goes away, is made anew, or has what the device does not understand.
@Suite(.timeLimit(.minutes(10))) struct RemadeServerTests {
    private let server = ScriptedServer()
    private let control = SyncControl()
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("remade") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func run(_ options: SyncOptions, report: @escaping @Sendable (SyncProgress) -> Void) -> SyncRun {
        SyncRun(of: database, with: server, options, control, report: report)
    }

    /// A live sync with short waits, when both its ways have come to their end.
    private func begin(
        _ directions: Set<SyncDirection> = [.push, .pull]
    ) async throws -> (task: Task<SyncResult, any Error>, run: SyncRun, progress: AsyncStream<SyncProgress>) {
        var options = SyncOptions.live
        (options.directions, options.wait, options.longestPause) = (directions, .seconds(1), .milliseconds(100))
        let (progress, continuation) = AsyncStream.makeStream(of: SyncProgress.self)
        let run = run(options) { continuation.yield($0) }
        let task = Task { try await run.run() }
        var settled: Set<SyncDirection> = []
        for await next in progress {
            if next.state == .upToDate { settled.insert(next.direction) }
            if settled == directions { break }
        }
        return (task, run, progress)
    }

    @Test(arguments: [[.push, .pull], [.push]] as [Set<SyncDirection>])
    func `what the device has edited comes to a database that was made anew while nobody looked`(
        directions: Set<SyncDirection>
    ) async throws {
        let events = control.events.listen()
        try await database.post(["_id": "a"])
        let sync = try await begin(directions)
        #expect(await server.base.document(DocumentID(stored: "a")) != nil)
        server.remake()
        // A push alone looks when it has something to record.
        if directions == [.push] { try await database.post(["_id": "b"]) }
        try await eventually("the edit is in the new database") {
            await server.base.document(DocumentID(stored: "a")) != nil
        }
        sync.task.cancel()
        await #expect(throws: (any Error).self) { try await sync.task.value }
        control.events.send(.suspended)
        var told: [FullSyncEvent] = []
        for await event in events where event != .serverReachable {
            guard event != .suspended else { break }
            told.append(event)
        }
        #expect(told == [.databaseRemade(database: "db")], "and once")
    }

    @Test func `a record of what was pushed that comes to a database made anew is not about that`() async throws {
        try await database.post(["_id": "a"])
        server.judge.withLock {
            $0 = { [server] call in
                guard case .putLocal = call else { return }
                server.judge.withLock { $0 = { _ in } }
                server.remake()
            }
        }
        var options = SyncOptions()
        options.directions = [.push]
        _ = try await run(options) { _ in }.run()
        #expect(await server.base.document(DocumentID(stored: "a")) == nil)
        _ = try await run(options) { _ in }.run()
        #expect(await server.base.document(DocumentID(stored: "a")) != nil)
    }

    @Test func `a live sync waits for a database that is not there`() async throws {
        try await database.post(["_id": "a"])
        let sync = try await begin()
        server.judge.withLock { $0 = { _ in throw CouchError.noDatabase } }
        var waiting: Set<SyncDirection> = []
        try await database.post(["_id": "b"])
        for await next in sync.progress {
            if case .waiting(_, let reason) = next.state {
                #expect(reason == "the server has no such database")
                waiting.insert(next.direction)
            }
            if waiting.count == 2 { break }
        }
        server.remake()
        server.judge.withLock { $0 = { _ in } }
        try await eventually("the edits are in the new database") {
            await server.base.leaves().count == 2
        }
        sync.task.cancel()
        await #expect(throws: (any Error).self) { try await sync.task.value }
    }

    @Test func `one that is not live says that there is no such database`() async throws {
        server.judge.withLock { $0 = { _ in throw CouchError.noDatabase } }
        await #expect(throws: CouchError.noDatabase) { try await run(SyncOptions()) { _ in }.run() }
    }

    @Test func `one way is ended and the other goes on`() async throws {
        let sync = try await begin()
        await sync.run.ways.stop(.push)
        try await database.post(["_id": "mine"])
        try await server.base.put(DocumentID(stored: "theirs"), [:])
        for try await _ in database.changes() where try await database.get("theirs") != nil { break }
        #expect(await server.base.document(DocumentID(stored: "mine")) == nil)
        sync.task.cancel()
        await #expect(throws: (any Error).self) { try await sync.task.value }
    }

    @Test func `a wait of no time is a second`() async throws {
        var options = SyncOptions.live
        (options.directions, options.wait) = ([.pull], .zero)
        let (waits, continuation) = AsyncStream.makeStream(of: Duration.self)
        server.judge.withLock {
            $0 = { call in
                if case .changes(let request) = call, let wait = request.wait { continuation.yield(wait) }
            }
        }
        let sync = run(options) { _ in }
        let task = Task { try await sync.run() }
        for await wait in waits {
            #expect(wait == .seconds(1))
            break
        }
        task.cancel()
    }

    @Test func `who holds documents and begins anew says so, and nobody else`() async throws {
        try await server.base.put(DocumentID(stored: "a"), [:])
        let held = Mutex<[Bool]>([])
        server.judge.withLock {
            $0 = { call in
                if case .changes(let request) = call { held.withLock { $0.append(request.readerHolds) } }
            }
        }
        _ = try await run(.pull) { _ in }.run()
        // As when the server's address is another one: its checkpoints are found no more.
        try await database.replica.transaction { try $0.db.execute(sql: "DELETE FROM local_documents") }
        _ = try await run(.pull) { _ in }.run()
        _ = try await run(.pull) { _ in }.run()
        #expect(held.withLock { $0 } == [false, true, false])
    }

    @Test func `tags have the names that the server gives them, in what is here already, too`() async throws {
        try await database.post(["_id": "a", "acl": "ada", "groups": ["g"], "n": 1])
        try await database.replica.take(TagNames(owner: "acl", groups: "groups"))
        let columns = try await database.replica.read { reader in
            let node = try reader.document(DocumentID(stored: "a"))?.present
            return try node?.payload.map { try reader.body($0) }.map { ($0.owner, $0.groups, $0.body) }
        }
        #expect(columns?.0 == "ada" && columns?.1 == ["g"] && columns?.2 == Array(#"{"n":1}"#.utf8))
        try await database.post(["_id": "a", "n": 2], policy: .override)
        #expect(try await database.get("a")?["acl"] == "ada", "whom it belongs to stays")
    }
}
