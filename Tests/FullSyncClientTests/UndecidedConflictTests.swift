import CouchProtocol
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Conflicts with edits of which the server has not said yet whether it takes them.
@Suite(.timeLimit(.minutes(10))) struct UndecidedConflictTests {
    private let server = ScriptedServer()
    private let control = SyncControl()
    private let database: FullSyncDatabase
    private let id = DocumentID(stored: "a")

    init() throws {
        let path = TestDirectory.make("undecided") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    /// Holds whoever comes until it is opened.
    private actor Gate {
        private var isOpen = false
        private var waiters: [CheckedContinuation<Void, Never>] = []

        func pass() async {
            guard !isOpen else { return }
            await withCheckedContinuation { waiters.append($0) }
        }

        func open() {
            isOpen = true
            for waiter in waiters { waiter.resume() }
            waiters = []
        }
    }

    /// What happens while a live sync runs.
    private enum Note: Equatable {
        /// The server was asked what it has.
        case asked
        /// The resolver was given the conflict of a document.
        case given(String)
    }

    /// The document is edited here, which nobody has heard of, and differently on the server.
    ///
    /// - Returns: The revisions of both.
    private func stage() async throws -> (edit: String, newer: String) {
        let base = try await server.base.put(id, ["n": 1])
        _ = try await SyncRun(of: database, with: server).run()
        let edit = try await database.post(["_id": "a", "m": 2], policy: .merge)
        let newer = try await server.base.put(id, ["k": 3, "_rev": .string(base.description)])
        return (edit.revision, newer.description)
    }

    /// A conflict of revisions that are all the server's.
    private func branch(_ id: String) async throws {
        let branches = try (0..<2).map { place in
            let path = RevisionPath(try RevisionID(parsing: "1-a\(place)"))
            return ReplicatedDocument(id: DocumentID(stored: id), path: path)
        }
        #expect(await server.base.take(branches).isEmpty)
    }

    private static func take(_ notes: AsyncStream<Note>, until isLast: ([Note]) -> Bool) async -> [Note] {
        var taken: [Note] = []
        for await next in notes {
            taken.append(next)
            if isLast(taken) { break }
        }
        return taken
    }

    @Test(arguments: [false, true]) func `the resolver of a live sync waits for what the server says of an edit`(
        isRefused: Bool
    ) async throws {
        let (edit, newer) = try await stage()
        if isRefused { server.refused.withLock { $0 = ["a": .forbidden("It is nobody's.")] } }
        let (reached, allowed) = (Gate(), Gate())
        let (notes, note) = AsyncStream.makeStream(of: Note.self)
        server.judge.withLock {
            $0 = { call in
                switch call {
                case .changes: await reached.pass()
                case .write:
                    await reached.open()
                    await allowed.pass()
                default: break
                }
            }
        }
        server.afterwards.withLock { $0 = { call in if case .difference = call { note.yield(.asked) } } }
        let events = control.events.listen()
        var run = SyncRun(of: database, with: server, .live, control)
        run.resolver = ConflictResolver { conflict in
            note.yield(.given(conflict.id))
            return try await ConflictResolver.merge.resolve(conflict)
        }
        let task = Task { [run] in try await run.run() }
        // By the push, by the push again as the document has changed, and for the resolver.
        let before = await Self.take(notes) { $0.count == 3 || $0.last != .asked }
        #expect(before == [.asked, .asked, .asked])
        await allowed.open()
        if isRefused {
            for await event in events {
                guard case .editRefused(_, let refused) = event else { continue }
                #expect(refused.revision == edit)
                break
            }
            // What comes behind it is decided, so it has been passed over.
            try await branch("b")
            let later = await Self.take(notes) { $0.last != .asked }
            #expect(later.last == .given("b"))
            #expect(try await database.refusedEdits().map(\.revision) == [edit])
            let leaves = try await database.leaves(of: "a").map { $0["_rev"]?.stringValue }
            #expect(Set(leaves) == [edit, newer])
        } else {
            #expect(await Self.take(notes) { $0.last != .asked }.last == .given("a"))
            for try await _ in database.changes() where try await database.conflicts().isEmpty { break }
            let merged = try await database.get("a")
            #expect(merged?["k"] == 3 && merged?["m"] == 2)
        }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func `a pull alone leaves a conflict with an edit that was never pushed`() async throws {
        _ = try await stage()
        for options in [SyncOptions.pull, SyncOptions()] {
            var run = SyncRun(of: database, with: server, options)
            run.resolver = .merge
            _ = try await run.run()
            #expect(try await database.conflicts().isEmpty == options.directions.contains(.push))
        }
        let merged = try await database.get("a")
        #expect(merged?["k"] == 3 && merged?["m"] == 2)
    }

    @Test func `a server that cannot be asked is asked again`() async throws {
        let base = try await server.base.put(id, ["n": 1])
        _ = try await SyncRun(of: database, with: server).run()
        try await database.post(["_id": "a", "m": 2], policy: .merge)
        _ = try await SyncRun(of: database, with: server).run()
        let other = RevisionPath(base).appending(RevisionHash.digest(1, 2))
        #expect(await server.base.take([ReplicatedDocument(id: id, path: other)]).isEmpty)
        // Nobody else asks: there is no push.
        let asked = Mutex(0)
        server.judge.withLock {
            $0 = { call in
                guard case .difference = call else { return }
                let count = asked.withLock { count in
                    count += 1
                    return count
                }
                if count <= 3 { throw TransportError("away") }
            }
        }
        var options = SyncOptions.live
        options.directions = [.pull]
        options.longestPause = .milliseconds(1)
        var run = SyncRun(of: database, with: server, options, control)
        run.resolver = .merge
        let task = Task { [run] in try await run.run() }
        for try await change in database.changes() where change.id == "a" {
            if change.revision.hasPrefix("3-"), try await database.conflicts().isEmpty { break }
        }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(asked.withLock { $0 } == 4)
    }

    @Test func `the resolver of a live pull hears what another sync has pushed`() async throws {
        _ = try await stage()
        let (notes, note) = AsyncStream.makeStream(of: Note.self)
        server.afterwards.withLock { $0 = { call in if case .difference = call { note.yield(.asked) } } }
        var options = SyncOptions.live
        options.directions = [.pull]
        var run = SyncRun(of: database, with: server, options, control)
        run.resolver = ConflictResolver { conflict in
            note.yield(.given(conflict.id))
            return try await ConflictResolver.first.resolve(conflict)
        }
        let task = Task { [run] in try await run.run() }
        // There is no other to ask the server.
        #expect(await Self.take(notes) { _ in true } == [.asked])
        #expect(try await SyncRun(of: database, with: server, .push).run().pushed > 0)
        // What comes behind it was given when it was.
        var given: [Note] = []
        for id in ["b", "c"] {
            try await branch(id)
            given += await Self.take(notes) { $0.last == .given(id) }
        }
        #expect(given.contains(.given("a")))
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func `a resolver asks no more when the session has ended, and again after a login`() async throws {
        let base = try await server.base.put(id, ["n": 1])
        _ = try await SyncRun(of: database, with: server).run()
        try await database.post(["_id": "a", "m": 2], policy: .merge)
        _ = try await SyncRun(of: database, with: server).run()
        let other = RevisionPath(base).appending(RevisionHash.digest(1, 2))
        let branch = ReplicatedDocument(id: id, path: other)
        #expect(await server.base.take([branch]).isEmpty)
        #expect(try await database.replica.write([branch]).isEmpty)
        let isLoggedOut = Mutex(true)
        let asked = Mutex(0)
        let (questions, question) = AsyncStream.makeStream(of: Void.self)
        server.judge.withLock {
            $0 = { call in
                switch call {
                case .changes, .difference:
                    guard isLoggedOut.withLock({ $0 }) else { return }
                    if case .difference = call {
                        asked.withLock { $0 += 1 }
                        question.yield()
                    }
                    throw CouchError.unauthorized("The session has ended.")
                default: break
                }
            }
        }
        var options = SyncOptions.live
        options.directions = [.pull]
        options.longestPause = .milliseconds(1)
        var run = SyncRun(of: database, with: server, options, control)
        run.resolver = .merge
        let task = Task { [run] in try await run.run() }
        for await _ in questions { break }
        // Work of the device, behind which one that goes on asking would have asked again.
        for number in 0..<100 { try await database.post(["_id": .string("x\(number)")]) }
        #expect(asked.withLock { $0 } == 1)
        isLoggedOut.withLock { $0 = false }
        let changes = database.changes()
        control.loggedIn("ada")
        for try await _ in changes where try await database.conflicts().isEmpty { break }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func `conflicts are asked about together, and not at all while those that need no server are left`()
        async throws
    {
        let asked = Mutex<[Int]>([])
        let resolved = Mutex<[String]>([])
        var ids: [DocumentID] = []
        for number in 0..<5 {
            let id = DocumentID(stored: "d\(number)")
            let base = try await server.base.put(id, ["n": 1])
            _ = try await SyncRun(of: database, with: server).run()
            // The first one's revisions are all the server's.
            if number > 0 { try await database.post(["_id": .string(id.text), "m": 2], policy: .merge) }
            let others = (1...2).map { RevisionPath(base).appending(RevisionHash.digest(UInt64($0), 2)) }
            let branches = others.prefix(number > 0 ? 1 : 2).map { ReplicatedDocument(id: id, path: $0) }
            #expect(await server.base.take(branches).isEmpty)
            #expect(try await database.replica.write(branches).isEmpty)
            ids.append(id)
        }
        server.judge.withLock {
            $0 = { call in
                guard case .difference = call else { return }
                asked.withLock { $0.append(resolved.withLock { $0.count }) }
                throw TransportError("away")
            }
        }
        let watch = ServerWatch(server, device: database.replica)
        let run = SyncRun(of: database, with: server, .pull, control)
        let resolver = ConflictResolver { conflict in
            resolved.withLock { $0.append(conflict.id) }
            return .leave
        }
        let pass = try await run.resolve(Array(ids.reversed()), resolver, watch)
        #expect(pass.failure is TransportError)
        #expect(resolved.withLock { $0 } == ["d0"])
        #expect(asked.withLock { $0 } == [1], "one request for all, behind the one that needs none")
    }

    @Test func `what was made of an edit without asking is listed when it is refused, and not taken back`() async throws
    {
        _ = try await stage()
        _ = try await SyncRun(of: database, with: server, .pull).run()
        #expect(try await database.resolveConflicts(.merge) == 1)
        let merged = try #require(try await database.get("a"))
        server.refused.withLock { $0 = ["a": .forbidden("It is nobody's.")] }
        for _ in 0..<2 {
            var run = SyncRun(of: database, with: server)
            run.resolver = .merge
            _ = try await run.run()
            #expect(try await database.refusedEdits().contains { $0.revision == merged["_rev"]?.stringValue })
            #expect(try await database.get("a") == merged)
        }
        #expect(merged["k"] == 3 && merged["m"] == 2)
    }
}
