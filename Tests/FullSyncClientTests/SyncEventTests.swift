import CouchProtocol
import Foundation
import GRDB
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// What syncs tell beside their progress, and what makes them stand still and go on.
@Suite(.timeLimit(.minutes(10))) struct SyncEventTests {
    private let server = MemoryReplica(identity: "server")
    private let control = SyncControl()
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("events") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func run(
        _ server: any Replica,
        _ options: SyncOptions = SyncOptions(),
        report: @escaping @Sendable (SyncProgress) -> Void = { _ in }
    ) -> SyncRun {
        SyncRun(of: database, with: server, options, control, report: report)
    }

    @Test func `a database that was made anew is told, and gets what the device has edited`() async throws {
        var events = control.events.listen().makeAsyncIterator()
        try await database.post(["_id": "a"])
        #expect(try await run(Incarnated(base: server, incarnation: "one")).run().pushed == 1)
        #expect(try await run(Incarnated(base: server, incarnation: "one")).run() == SyncResult())
        let anew = MemoryReplica(identity: "server")
        #expect(try await run(Incarnated(base: anew, incarnation: "two")).run().pushed == 1)
        #expect(await anew.document(DocumentID(stored: "a")) != nil)
        var told: [FullSyncEvent] = []
        while let event = await events.next() {
            told.append(event)
            if event == .databaseRemade(database: "db") { break }
        }
        #expect(told == [.databaseRemade(database: "db")], "and nothing else, once")
    }

    @Test func `what was only pulled is offered when the application says so`() async throws {
        try await server.put(DocumentID(stored: "a"), ["n": 1])
        _ = try await run(server).run()
        let anew = MemoryReplica(identity: "anew")
        #expect(try await run(anew).run().pushed == 0)
        try await database.offerEverything()
        #expect(try await run(anew).run().pushed == 1)
        #expect(await anew.document(DocumentID(stored: "a"))?["n"] == 1)
    }

    @Test func `a sync stands still while the application is suspended`() async throws {
        let (progress, continuation) = AsyncStream.makeStream(of: SyncProgress.self)
        let sync = run(server, .live) { continuation.yield($0) }
        let task = Task { try await sync.run() }
        var states = progress.makeAsyncIterator()
        while await states.next()?.state != .upToDate {}
        control.suspend()
        var suspended: Set<SyncDirection> = []
        while suspended.count < 2, let next = await states.next() {
            if next.state == .suspended { suspended.insert(next.direction) }
        }
        try await server.put(DocumentID(stored: "a"), ["n": 1])
        try await database.post(["_id": "b"])
        #expect(try await database.get("a") == nil)
        control.resume()
        for try await _ in database.changes() where try await database.get("a") != nil { break }
        try await eventually("the edit is on the server") { await server.document(DocumentID(stored: "b")) != nil }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func `a server that is away is told once, and tried at once when the network is back`() async throws {
        let events = control.events.listen()
        let flaky = FlakyServer(base: server)
        flaky.isAway.withLock { $0 = true }
        try await server.put(DocumentID(stored: "a"), ["n": 1])
        var options = SyncOptions.live
        options.directions = [.pull]
        // Pauses that no test waits for.
        options.longestPause = .seconds(3_600)
        let (progress, continuation) = AsyncStream.makeStream(of: SyncProgress.self)
        let sync = run(flaky, options) { continuation.yield($0) }
        let task = Task { try await sync.run() }
        var failures = 0
        for await next in progress {
            guard case .waiting(let pause, _) = next.state else { continue }
            failures += 1
            if failures == 2 { #expect(pause > .zero) }
            if failures == 2 { break }
            control.tryAgain()
        }
        flaky.isAway.withLock { $0 = false }
        control.tryAgain()
        for try await _ in database.changes() where try await database.get("a") != nil { break }
        task.cancel()
        var told: [FullSyncEvent] = []
        for await event in events {
            told.append(event)
            if event == .serverReachable { break }
        }
        #expect(told.count == 2, "\(told)")
    }
}

/// Syncs of whoever may only read, and those that end although nobody wants that.
@Suite(.timeLimit(.minutes(10))) struct SyncEndTests {
    private let server = ScriptedServer()
    private let control = SyncControl()
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("ends") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func run(_ options: SyncOptions) -> SyncRun {
        SyncRun(of: database, with: server, options, control)
    }

    @Test(arguments: [SyncOptions(), .pull]) func `nobody reads what everybody may read, and goes on from there`(
        options: SyncOptions
    ) async throws {
        let since = Mutex<[UpdateSequence]>([])
        server.judge.withLock {
            $0 = { call in
                switch call {
                case .putLocal, .write: throw CouchError.unauthorized("You are not logged in.")
                case .changes(let request): since.withLock { $0.append(request.since) }
                default: break
                }
            }
        }
        var events = control.events.listen().makeAsyncIterator()
        try await database.post(["_id": "mine"])
        for place in 0..<3 {
            try await server.base.put(DocumentID(stored: "d\(place)"), [:])
            var sync = run(options)
            sync.isOfNobody = true
            #expect(try await sync.run().pulled == 1)
        }
        #expect(since.withLock { $0 }.filter { $0 == .beginning }.count == 1)
        control.events.send(.suspended)
        #expect(await events.next() == .suspended, "no session has ended")
    }

    @Test func `the first sync of a live call waits for the network, and for a login`() async throws {
        try await server.base.put(DocumentID(stored: "a"), [:])
        let failure = Mutex<(any Error)?>(TransportError("away"))
        server.judge.withLock { $0 = { _ in if let error = failure.withLock({ $0 }) { throw error } } }
        let options = try LocalParameters(["live": true]).syncOptions([.pull])
        var once = options
        once.isLive = false
        let (states, told) = AsyncStream.makeStream(of: SyncProgress.State.self)
        let sync = SyncRun(of: database, with: server, once, control) { told.yield($0.state) }
        let result = Task { try await sync.run() }
        for await state in states {
            switch state {
            case .waiting:
                guard failure.withLock({ $0 }) is TransportError else { continue }
                failure.withLock { $0 = CouchError.unauthorized("The session has ended.") }
                control.tryAgain()
            case .needsLogin:
                failure.withLock { $0 = nil }
                control.loggedIn("ada")
            default: continue
            }
            if failure.withLock({ $0 }) == nil { break }
        }
        #expect(try await result.value.pulled == 1)
    }

    @Test func `a full disk is told as what it is, and the sync goes on when there is room`() async throws {
        let large = JSONValue.string(String(repeating: "x", count: 200_000))
        try await server.base.put(DocumentID(stored: "a"), ["t": large])
        try await database.replica.pool.writeWithoutTransaction { db in
            let present = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(present + 4)")
        }
        let events = control.events.listen()
        let live = Task { try await run(.live).run() }
        for await event in events {
            guard event == .storageFull(database: "db") else {
                Issue.record("\(event)")
                break
            }
            break
        }
        try await database.replica.pool.writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA max_page_count = 100000")
        }
        control.tryAgain()
        for try await _ in database.changes() where try await database.get("a") != nil { break }
        live.cancel()
        await #expect(throws: (any Error).self) { try await live.value }
    }

    @Test func `a live sync that is not to try again ends with its first failure`() async throws {
        server.judge.withLock { $0 = { _ in throw TransportError("away") } }
        let options = try LocalParameters(["live": true, "retry": false]).syncOptions([.pull])
        #expect(options.isLive && !options.isPatient)
        await #expect(throws: TransportError.self) { try await run(options).run() }
    }

    @Test func `a push that fails for good does not keep a pull from bringing what there is`() async throws {
        server.judge.withLock {
            $0 = { call in if case .write = call { throw CouchError.badRequest("not this") } }
        }
        try await database.post(["_id": "mine"])
        try await server.base.put(DocumentID(stored: "a"), [:])
        await #expect(throws: CouchError.badRequest("not this")) { try await run(SyncOptions()).run() }
        #expect(try await database.get("a") != nil)
    }

    @Test func `a live sync that ends by itself is told`() async throws {
        server.judge.withLock {
            $0 = { call in if case .changes = call { throw CouchError.badRequest("no such filter") } }
        }
        let events = control.events.listen()
        await #expect(throws: CouchError.self) { try await run(.live).run() }
        for await event in events {
            guard case .syncEnded(let name, let reason) = event else { continue }
            #expect((name, reason) == ("db", "400 bad_request: no such filter"))
            break
        }
    }

    @Test func `a live sync waits while the database does not let its user in`() async throws {
        let isOut = Mutex(true)
        server.judge.withLock {
            $0 = { _ in if isOut.withLock({ $0 }) { throw CouchError.forbidden("You are no member.") } }
        }
        try await server.base.put(DocumentID(stored: "a"), [:])
        let (progress, continuation) = AsyncStream.makeStream(of: SyncProgress.self)
        let sync = SyncRun(of: database, with: server, .live, control) { continuation.yield($0) }
        let task = Task { try await sync.run() }
        for await next in progress {
            if case .waiting = next.state { break }
        }
        isOut.withLock { $0 = false }
        control.tryAgain()
        for try await _ in database.changes() where try await database.get("a") != nil { break }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func `a document that the device cannot take is told`() async throws {
        try await server.base.put(DocumentID(stored: "a"), [:])
        let events = control.events.listen()
        let large = SyncRun(of: database, with: Lacking(base: server.base), .pull, control)
        try #require(try await large.run().failed == 1)
        for await event in events {
            guard case .documentNotTaken(_, let id, let reason) = event else { continue }
            #expect(id == "a" && reason.hasPrefix("413"))
            break
        }
    }
}

/// A server whose documents are too large, also to come with their changes.
private struct Lacking: ForwardingReplica {
    let base: MemoryReplica

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        var plain = request
        plain.withDocuments = false
        return try await base.changes(plain)
    }

    func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
        requests.map { .failure($0.id, $0.revision, .tooLarge) }
    }
}

/// A server that can be away.
private final class FlakyServer: Replica {
    let base: MemoryReplica
    let isAway = Mutex(false)

    init(base: MemoryReplica) {
        self.base = base
    }

    private func check() throws {
        if isAway.withLock({ $0 }) { throw TransportError("away") }
    }

    var identity: String { base.identity }

    func info() async throws -> ReplicaInfo {
        try check()
        return await base.info()
    }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try check()
        return try await base.changes(request)
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try check()
        return await base.revisionsDifference(revisions)
    }

    func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
        try check()
        return await base.fetch(requests)
    }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        try check()
        return try await base.write(documents)
    }

    func localDocument(_ name: String) async throws -> LocalDocument? {
        try check()
        return await base.localDocument(name)
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try check()
        return try await base.putLocalDocument(name, document)
    }
}
