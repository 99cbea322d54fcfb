import CouchProtocol
import Foundation
import GRDB
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Devices whose processes are killed, whose network is cut and whose disk is full: wherever that happens, in the end
/// they have what the server has, and the server has what they have said.
@Suite(.timeLimit(.minutes(30))) struct DeviceFaultTests {
    /// A device with a server, and things to bring over both ways: documents, branches, deletions and attachments.
    private struct Scene {
        let server = ScriptedServer()
        let folder: URL
        let database: FullSyncDatabase

        init() throws {
            folder = URL(fileURLWithPath: TestDirectory.make("faults"))
            database = try Self.open(folder.appendingPathComponent("db.sqlite"))
        }

        static func open(_ file: URL) throws -> FullSyncDatabase {
            FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: file.path))
        }

        func fillServer() async throws {
            for number in 0..<12 {
                var document: JSONObject = ["n": .number(JSONNumber(number))]
                if number % 3 == 0 { document["_attachments"] = ["x": ["data": "aGVsbG8="]] }
                try await server.base.put(DocumentID(stored: "s\(number)"), document)
            }
        }

        /// Edits of the device's own; tells each when it was made.
        func edit(_ made: (FullSyncDatabase.Receipt) -> Void = { _ in }) async throws {
            for number in 0..<6 {
                made(try await database.post(["_id": .string("d\(number)"), "n": .number(JSONNumber(number))]))
            }
            made(try await database.putAttachment("y", Data(repeating: 7, count: 600_000), to: "d0"))
            made(try await database.delete("d1"))
            // What is on the server and here gets a branch.
            made(try await database.post(["_id": "s1", "n": 100], policy: .merge))
        }

        /// A change of the server's own beside the device's.
        func editServer() async throws {
            let present = try #require(await server.base.revision(of: DocumentID(stored: "s1")))
            try await server.base.put(DocumentID(stored: "s1"), ["n": 200, "_rev": .string(present.description)])
            let gone = try #require(await server.base.revision(of: DocumentID(stored: "s2")))
            try await server.base.delete(DocumentID(stored: "s2"), revision: gone)
        }

        /// Lets the database grow by so many pages and no more, as a disk with so much room would.
        func leaveRoom(forPages count: Int) async throws {
            try await database.replica.pool.writeWithoutTransaction { db in
                let present = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                try db.execute(sql: "PRAGMA max_page_count = \(present + count)")
            }
        }

        @discardableResult
        func sync(_ database: FullSyncDatabase? = nil, batchSize: Int = 4) async throws -> SyncResult {
            var options = SyncOptions()
            (options.attempts, options.batchSize) = (1, batchSize)
            return try await SyncRun(of: database ?? self.database, with: server, options).run()
        }

        /// Syncs to the end and compares all leaves.
        func expectEqual(
            _ comment: Comment,
            _ database: FullSyncDatabase? = nil,
            _ location: SourceLocation = #_sourceLocation
        ) async throws {
            let database = database ?? self.database
            for _ in 0..<3 { try await sync(database) }
            let stored = try await database.replica.read { reader in
                try GRDB.Row.fetchAll(reader.db, sql: "SELECT id, tree FROM documents").map { row in
                    (DocumentID(stored: row[0]), try StoreReader.tree(row[1]).leaves.map(\.id))
                }
            }
            let leaves = Dictionary(uniqueKeysWithValues: stored)
            #expect(await leaves == server.base.leaves(), comment, sourceLocation: location)
            let attachment = try await database.attachment("y", of: "d0")?.content
            #expect(attachment?.count == 600_000, comment, sourceLocation: location)
            let problems = try await database.replica.read { try String.fetchAll($0.db, sql: "PRAGMA integrity_check") }
            #expect(problems == ["ok"], comment, sourceLocation: location)
        }
    }

    // MARK: - The disk is full

    @Test func `a disk that is full refuses what does not fit, and loses nothing of the rest`() async throws {
        let scene = try Scene()
        try await scene.fillServer()
        let large = JSONValue.string(String(repeating: "x", count: 60_000))
        for number in 0..<4 { try await scene.server.base.put(DocumentID(stored: "large\(number)"), ["t": large]) }
        try await scene.edit()
        var (refusedEdits, failedSyncs, place) = (0, 0, 0)
        var isInStep = false
        while !isInStep {
            // More room each time: none at first, and enough for all at last.
            try await scene.leaveRoom(forPages: 4 * place)
            let id = "full\(place)"
            do {
                _ = try await scene.database.post(["_id": .string(id), "t": large])
                #expect(try await scene.database.get(id)?["t"] == large)
            } catch let error as FullSyncError {
                #expect(error.status == 507, "\(error)")
                #expect(try await scene.database.get(id) == nil)
                refusedEdits += 1
            }
            do {
                try await scene.sync(batchSize: 1)
                isInStep = true
            } catch let error as CouchError {
                #expect(error.status == 507, "\(error)")
                failedSyncs += 1
            }
            place += 1
        }
        #expect(refusedEdits > 0 && failedSyncs > 0)
        try await scene.leaveRoom(forPages: 1 << 20)
        try await scene.expectEqual("there is room again")
    }

    // MARK: - The process is killed

    /// Copies of a database as the kill of its process would leave it, made in front of statements.
    private final class Images: Sendable {
        struct Image: Sendable {
            let file: URL
            /// How many edits the application had been told of.
            let told: Int
            let statement: String
        }

        private struct State {
            var images: [Image] = []
            var told = 0
            var random: SeededGenerator
        }

        private let state: Mutex<State>
        private let source: URL

        init(of source: URL, _ random: SeededGenerator) {
            self.source = source
            state = Mutex(State(random: random))
        }

        var all: [Image] { state.withLock { $0.images } }

        func noteEdit() { state.withLock { $0.told += 1 } }

        /// Only the writer changes the files, and it waits for this.
        func take(_ statement: String) {
            state.withLock { state in
                guard Int.random(in: 0..<4, using: &state.random) == 0 else { return }
                let name = "image\(state.images.count).sqlite"
                let file = source.deletingLastPathComponent().appendingPathComponent(name)
                for suffix in ["", "-wal"] {
                    try? FileManager.default.copyItem(atPath: source.path + suffix, toPath: file.path + suffix)
                }
                state.images.append(Image(file: file, told: state.told, statement: statement))
            }
        }
    }

    @Test func `a device that is killed in front of any statement goes on and has lost nothing that it said`()
        async throws
    {
        let scene = try Scene()
        let images = Images(of: scene.folder.appendingPathComponent("db.sqlite"), SeededGenerator.announced())
        try await scene.database.replica.pool.writeWithoutTransaction { db in
            db.trace { event in
                if case .statement(let statement) = event { images.take(statement.sql) }
            }
        }
        try await scene.fillServer()
        try await scene.sync()
        var receipts: [FullSyncDatabase.Receipt] = []
        try await scene.edit { receipt in
            receipts.append(receipt)
            images.noteEdit()
        }
        try await scene.editServer()
        try await scene.sync()
        try await scene.database.replica.pool.writeWithoutTransaction { db in db.trace(options: []) }
        try await scene.expectEqual("the device itself")
        #expect(images.all.count > 20)
        for image in images.all {
            let database = try Scene.open(image.file)
            for receipt in receipts.prefix(image.told) {
                let revision = try RevisionID(parsing: receipt.revision)
                let id = DocumentID(stored: receipt.id)
                let tree = try await database.replica.read { try $0.document(id)?.tree }
                #expect(tree?.contains(revision) == true, "in front of \(image.statement)")
            }
            try await scene.expectEqual("in front of \(image.statement)", database)
            try database.replica.close()
        }
    }

    // MARK: - The network is cut

    /// The place of a cut: in front of a call, or behind it so that its answer is lost.
    @Test(arguments: [false, true]) func `a network that is cut at any call costs nothing but another sync`(
        losesAnswer: Bool
    ) async throws {
        var place = 0
        var isCut = true
        while isCut {
            let scene = try Scene()
            try await scene.fillServer()
            try await scene.sync()
            try await scene.edit()
            try await scene.editServer()
            let left = Mutex(place)
            let cut: @Sendable (ScriptedServer.Call) async throws -> Void = { _ in
                let isHere = left.withLock { left in
                    left -= 1
                    return left < 0
                }
                if isHere { throw TransportError("cut") }
            }
            if losesAnswer {
                scene.server.afterwards.withLock { $0 = cut }
            } else {
                scene.server.judge.withLock { $0 = cut }
            }
            do {
                try await scene.sync()
                isCut = false
            } catch is TransportError {}
            scene.server.afterwards.withLock { $0 = { _ in } }
            scene.server.judge.withLock { $0 = { _ in } }
            try await scene.expectEqual("cut at call \(place)")
            try scene.database.replica.close()
            place += 1
        }
        #expect(place > 10)
    }
}
