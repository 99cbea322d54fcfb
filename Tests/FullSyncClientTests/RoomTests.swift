import CouchProtocol
import Foundation
import GRDB
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Files that become smaller when less is in them.
@Suite(.timeLimit(.minutes(10))) struct RoomTests {
    private let path = TestDirectory.make("room") + "/db.sqlite"
    private let server = ScriptedServer()

    private func open(isSealed: Bool = false) throws -> FullSyncDatabase {
        var limits = StoreLimits()
        if isSealed { limits.vault = try Vault(key: Data(repeating: 7, count: 32)) }
        return FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path, limits: limits))
    }

    private func size() throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    /// Documents with attachments, all of which but the last few go again.
    private func fillAndEmpty(_ database: FullSyncDatabase) async throws {
        for number in 0..<40 {
            let content = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* number &+ $0 >> 7) })
            try await database.putAttachment("photo", content, to: "d\(number)")
        }
        for number in 0..<38 { try await database.deleteAttachment("photo", of: "d\(number)") }
    }

    private func expectWhole(_ database: FullSyncDatabase) async throws {
        let answer = try await database.replica.read { try String.fetchAll($0.db, sql: "PRAGMA integrity_check") }
        #expect(answer == ["ok"])
        #expect(try await database.attachment("photo", of: "d39")?.content.count == 100_000)
        #expect(try await database.info().documentCount == 40)
    }

    @Test(arguments: [false, true]) func `a file is made smaller behind a sync, and not while something is to be done`(
        isSealed: Bool
    ) async throws {
        let database = try open(isSealed: isSealed)
        try await fillAndEmpty(database)
        let before = try await database.replica.room()
        #expect(before.isIncremental && before.isWorthWhile && before.pages > 900)
        try await database.replica.shrink { false }
        #expect(try await database.replica.room() == before)
        _ = try await SyncRun(of: database, with: server).run()
        let after = try await database.replica.room()
        #expect(after.pages < 300 && !after.isWorthWhile)
        #expect(try await database.replica.compact())
        #expect(try size() < 1_200_000)
        try await expectWhole(database)
        try database.replica.close()
        try await expectWhole(try open(isSealed: isSealed))
    }

    @Test func `a live sync that has come to rest makes the file smaller`() async throws {
        let database = try open()
        try await fillAndEmpty(database)
        let task = Task { try await SyncRun(of: database, with: server, .live).run() }
        try await eventually("the file is smaller") { try await database.replica.room().pages < 300 }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        try await expectWhole(database)
    }

    /// Does something in front of the first stretch that is given back.
    ///
    /// - Returns: How many there have been so far.
    private func atFirstStretch(
        of database: FullSyncDatabase,
        _ body: @escaping @Sendable () -> Void
    ) async throws -> @Sendable () -> Int {
        let stretches = Stretches()
        try await database.replica.pool.writeWithoutTransaction { db in
            db.trace { event in
                guard case .statement(let statement) = event else { return }
                if statement.sql.contains("incremental_vacuum"), stretches.add() == 1 { body() }
            }
        }
        return { stretches.count.withLock { $0 } }
    }

    private final class Stretches: Sendable {
        let count = Mutex(0)

        func add() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    @Test func `a sync that is suspended gives nothing more back, and the next one goes on`() async throws {
        let database = try open()
        try await fillAndEmpty(database)
        let control = SyncControl()
        let stretches = try await atFirstStretch(of: database) { control.suspend() }
        _ = try await SyncRun(of: database, with: server, SyncOptions(), control).run()
        #expect(stretches() == 1)
        #expect(try await database.replica.room().isWorthWhile)
        control.resume()
        _ = try await SyncRun(of: database, with: server, SyncOptions(), control).run()
        #expect(try await database.replica.room().pages < 300)
        try await expectWhole(database)
    }

    @Test func `a live sync that has something to do gives nothing more back until it rests again`() async throws {
        let database = try open()
        try await fillAndEmpty(database)
        // Nobody but this test says what the pull does.
        var options = SyncOptions.live
        options.directions = [.push]
        let run = SyncRun(of: database, with: server, options)
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let stretches = try await atFirstStretch(of: database) { [rest = run.rest] in
            rest.note(.pull, isResting: false)
            beginning.yield()
        }
        let task = Task { try await run.run() }
        for await _ in begun { break }
        // Each of these waits for the writer, as another stretch would.
        for number in 0..<50 {
            _ = try await database.replica.putLocalDocument("x\(number)", LocalDocument(revision: nil, body: [:]))
        }
        #expect(stretches() == 1)
        run.rest.note(.pull, isResting: true)
        try await eventually("the file is smaller") { try await database.replica.room().pages < 300 }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        try await expectWhole(database)
    }

    @Test func `a file that somebody reads becomes smaller when nobody does`() async throws {
        let database = try open()
        try await fillAndEmpty(database)
        let snapshot = try database.replica.pool.makeSnapshot()
        #expect(try await database.compact() == false)
        try snapshot.close()
        #expect(try await database.compact())
        #expect(try size() < 1_200_000)
        try await expectWhole(database)
    }

    @Test func `whoever listens before the ways begin hears that they have come to rest`() async throws {
        let rest = Rest([.push, .pull])
        let resting = rest.subscribe()
        for direction in [SyncDirection.push, .pull, .pull] { rest.note(direction, isResting: true) }
        for await _ in resting { break }
        #expect(rest.isResting)
    }

    @Test func `a file of an earlier version is written anew once, and can be made smaller from then on`() async throws
    {
        let old = try DatabaseQueue(path: path)
        try StoreSchema.migrate(old, .open)
        try old.close()
        let database = try open()
        try await fillAndEmpty(database)
        try await database.replica.shrink()
        let before = try await database.replica.room()
        #expect(!before.isIncremental && before.pages > 900)
        try await database.compact()
        let after = try await database.replica.room()
        #expect(after.isIncremental && after.free == 0)
        #expect(try size() < 1_200_000)
        try await expectWhole(database)
        try await fillAndEmpty(database)
        try await database.replica.shrink()
        #expect(try await database.replica.room().pages < 300)
        try await expectWhole(database)
    }
}
