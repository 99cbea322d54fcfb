import CouchProtocol
import Foundation
import GRDB
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

/// Databases that are encrypted, and databases that are made elsewhere.
@Suite struct VaultTests {
    private let directory = URL(fileURLWithPath: TestDirectory.make("vault"))
    private let key = Data("0123456789abcdef0123456789abcdef".utf8)

    private func client(_ key: Data?, _ folder: String = "device") throws -> FullSyncClient {
        try FullSyncClient(
            server: "http://127.0.0.1:9",
            directory: directory.appendingPathComponent(folder),
            encryptionKey: key
        )
    }

    private func expect(_ error: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("no error \(error)")
        } catch let found as FullSyncError {
            #expect(found.error == error)
        } catch {
            Issue.record(error)
        }
    }

    @Test func `nothing that a user wrote stands in the file`() async throws {
        let client = try client(key)
        let database = try await client.database("db")
        let secret = "Wintergarten"
        try await database.post(["_id": "a", "text": .string(secret)])
        try await database.putAttachment("x", Data(String(repeating: secret, count: 40_000).utf8), to: "a")
        try await database.post(
            ["_id": "_design/x", "views": ["v": ["map": "function (doc) { emit(doc.text, doc.text) }"]]]
        )
        #expect(try await database.view("x", "v").rows.map(\.value) == [.string(secret)])
        let digest = try #require(try await database.get("a")?["_attachments"]?["x"]?["digest"]?.stringValue)
        try await client.close()
        let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
        for case let file as URL in files ?? FileManager.DirectoryEnumerator() where !file.hasDirectoryPath {
            for text in [secret, digest] {
                #expect(try Data(contentsOf: file).range(of: Data(text.utf8)) == nil, "\(file.lastPathComponent)")
            }
        }
        let again = try self.client(key)
        #expect(try await again.database("db").get("a")?["text"] == .string(secret))
        #expect(try await again.database("db").attachment("x", of: "a")?.content.count == 480_000)
        try await again.close()
        await expect("wrong_key") { _ = try await self.client(Data(key.reversed())).database("db") }
        await expect("key_required") { _ = try await self.client(nil).database("db") }
        await expect("bad_key") { _ = try self.client(Data("short".utf8)) }
        _ = try await self.client(nil, "open").database("db").post(["_id": "a"])
        await expect("not_encrypted") { _ = try await self.client(key, "open").database("db") }
    }

    @Test func `an attachment goes through files piece by piece`() async throws {
        let database = try await client(key).database("db")
        var random = SeededGenerator(seed: 7)
        let content = Data((0..<1_000_003).map { _ in UInt8.random(in: 0...255, using: &random) })
        let (source, target) = (
            directory.appendingPathComponent("source"), directory.appendingPathComponent("target")
        )
        try content.write(to: source)
        try await database.putAttachment("photo", from: source, contentType: "image/png", to: "a")
        #expect(try await database.copyAttachment("photo", of: "a", to: target) == "image/png")
        #expect(try Data(contentsOf: target) == content)
        let inMemory = try await database.putAttachment("copy", content, contentType: "image/png", to: "a")
        #expect(inMemory.revision.hasPrefix("2-"))
        let document = try await database.get("a")
        #expect(document?["_attachments"]?["photo"]?["digest"] == document?["_attachments"]?["copy"]?["digest"])
        let contents = try await database.replica.read { try Int.fetchOne($0.db, sql: "SELECT count(*) FROM contents") }
        #expect(contents == 1, "the same content is kept once")
        #expect(try await database.copyAttachment("none", of: "a", to: target) == nil)
        await expect("bad_request") {
            _ = try await database.putAttachment("_x", content, to: "a")
        }
    }

    @Test func `a database that was made elsewhere goes on where its pull had come to`() async throws {
        let server = MemoryReplica(identity: "server")
        for place in 0..<20 { try await server.put(DocumentID(stored: "d\(place)"), ["n": .number(JSONNumber(place))]) }
        let source = FullSyncDatabase(
            name: "db",
            replica: try SQLiteReplica(path: directory.appendingPathComponent("source.sqlite").path)
        )
        _ = try await Replicator(from: server, to: source.replica).run()
        let sequence = try #require(try await Replicator(from: server, to: source.replica).recordedSequence())
        let file = directory.appendingPathComponent("prebuilt")
        let origin = PrebuiltOrigin(incarnation: "one", sequence: sequence, user: nil)
        try await source.replica.export(to: file, origin: origin)
        await #expect(throws: CouchError.self) { try await source.replica.export(to: file, origin: origin) }

        let client = try client(key)
        try await client.importDatabase("db", from: file)
        await expect("file_exists") { try await client.importDatabase("db", from: file) }
        let database = try await client.database("db")
        #expect(try await database.get("d7")?["n"] == 7)
        #expect(database.replica.identity != source.replica.identity)
        #expect(try await database.replica.origin() == origin)
        try await server.put(DocumentID(stored: "new"), [:])
        let run = SyncRun(
            name: "db",
            device: database.replica,
            server: Incarnated(base: server, incarnation: "one"),
            options: .pull,
            control: SyncControl(),
            report: { progress in #expect(progress.current <= 1, "what is in the file is not looked at") }
        )
        #expect(try await run.run().pulled == 1)
        #expect(try await database.replica.origin() == nil)
        #expect(try await database.all().count == 21)
        // One that is told where to begin has not gone on from the file's place, and none does so later.
        try await client.importDatabase("another", from: file)
        let another = try await client.database("another")
        var options = SyncOptions.pull
        options.since = "0"
        let incarnated = Incarnated(base: server, incarnation: "one")
        #expect(try await SyncRun(of: another, with: incarnated, options).run().pulled == 1)
        #expect(try await another.replica.origin() == nil)
        let text = directory.appendingPathComponent("text")
        try Data("no database".utf8).write(to: text)
        await expect("not_prebuilt") { try await client.importDatabase("other", from: text) }
        await expect("not_found") {
            try await client.importDatabase("other", from: directory.appendingPathComponent("none"))
        }
    }

    @Test func `a file that is given away holds nothing that was deleted, and one that is taken nothing in the clear`()
        async throws
    {
        let (secret, published) = ("Wintergarten", "Fruehbeet")
        let replica = try SQLiteReplica(path: directory.appendingPathComponent("source.sqlite").path)
        let server = MemoryReplica(identity: "server")
        for place in 0..<200 {
            try await server.put(
                DocumentID(stored: "d\(place)"),
                ["text": .string(published), "_attachments": ["x": ["data": "aGVsbG8="]]]
            )
        }
        _ = try await Replicator(from: server, to: replica).run()
        try await replica.transaction { writer in
            for place in 0..<200 {
                let content = Array("\(secret) \(place)".utf8)
                var edit = ReplicatedDocument(
                    id: DocumentID(stored: "k\(place)"),
                    path: RevisionPath(try RevisionID(parsing: "1-aa")),
                    body: JSONValue.object(["text": .string(secret)]).bytes
                )
                let attachment = ReplicatedAttachment(
                    name: "x",
                    contentType: "text/plain",
                    revisionPosition: 1,
                    content: content
                )
                edit.attachments = [attachment]
                let stored = StoredAttachment(
                    attachment,
                    digest: attachment.digest,
                    length: content.count,
                    content: try writer.insert(content: content)
                )
                _ = try writer.keepAside(edit, try writer.insert(.ofKeptEdit([stored])))
            }
        }
        let file = directory.appendingPathComponent("prebuilt")
        let origin = PrebuiltOrigin(incarnation: "one", sequence: UpdateSequence(1), user: nil)
        try await replica.export(to: file, origin: origin)
        let exported = try Data(contentsOf: file)
        #expect(exported.range(of: Data(secret.utf8)) == nil)
        #expect(exported.range(of: Data(published.utf8)) != nil)
        let client = try client(key)
        try await client.importDatabase("db", from: file)
        let database = try await client.database("db")
        let document = try #require(try await database.get("d7"))
        #expect(document["text"] == .string(published))
        let digest = try #require(document["_attachments"]?["x"]?["digest"]?.stringValue)
        try await client.close()
        let taken = try Data(contentsOf: directory.appendingPathComponent("device/nobody/db.sqlite"))
        for text in [published, digest] { #expect(taken.range(of: Data(text.utf8)) == nil) }
    }

    @Test func `a database of an earlier version is sealed by its key alone`() async throws {
        var limits = StoreLimits()
        limits.vault = try Vault(key: key)
        let path = directory.appendingPathComponent("old.sqlite").path
        let replica = try SQLiteReplica(path: path, limits: limits)
        let database = FullSyncDatabase(name: "db", replica: replica)
        try await database.putAttachment("x", Data("hello".utf8), to: "a")
        let digest = try #require(try await database.get("a")?["_attachments"]?["x"]?["digest"]?.stringValue)
        // As version 2 had it.
        try await replica.pool.write { db in
            try db.execute(sql: "CREATE TABLE view_failures (view INTEGER, id TEXT, reason TEXT)")
            try db.execute(sql: "UPDATE attachments SET digest = ?", arguments: [digest])
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '3'")
        }
        try replica.close()
        var wrong = limits
        wrong.vault = try Vault(key: Data(key.reversed()))
        #expect(throws: CouchError.self) { try SQLiteReplica(path: path, limits: wrong) }
        let again = try SQLiteReplica(path: path, limits: limits)
        let document = try await FullSyncDatabase(name: "db", replica: again).get("a")
        #expect(document?["_attachments"]?["x"]?["digest"] == .string(digest))
        let stored = try await again.read { try Data.fetchAll($0.db, sql: "SELECT digest FROM attachments") }
        #expect(stored.allSatisfy { $0 != Data(digest.utf8) } && !stored.isEmpty)
    }

    @Test func `what belongs to one user is no beginning for another`() async throws {
        let source = FullSyncDatabase(
            name: "db",
            replica: try SQLiteReplica(path: directory.appendingPathComponent("source.sqlite").path)
        )
        let owned = ReplicatedDocument(
            id: DocumentID(stored: "a"),
            path: RevisionPath(try RevisionID(parsing: "1-aa")),
            owner: "ada"
        )
        #expect(try await source.replica.write([owned]).isEmpty)
        let file = directory.appendingPathComponent("prebuilt")
        let origin = PrebuiltOrigin(incarnation: "one", sequence: UpdateSequence(1), user: "ada")
        try await source.replica.export(to: file, origin: origin)
        await expect("forbidden") { try await client(nil).importDatabase("db", from: file) }
    }
}

extension VaultTests {
    @Test func `what one user has lost is no document for another`() async throws {
        let server = MemoryReplica(identity: "server")
        var lost: [RevisionID] = []
        for id in ["a", "b", "c"] { lost.append(try await server.put(DocumentID(stored: id), [:])) }
        let replica = try SQLiteReplica(path: directory.appendingPathComponent("source.sqlite").path)
        _ = try await Replicator(from: server, to: replica).run()
        try await replica.take(TagNames())
        for (id, revision) in zip(["a", "b"], lost) {
            let tombstone = RevisionPath(revision).appending(Revocation.tombstone(of: revision).hash)
            var document = ReplicatedDocument(id: DocumentID(stored: id), path: tombstone, isDeleted: true)
            #expect(try await replica.write([document]).isEmpty)
            guard id == "b" else { continue }
            document.path = tombstone.appending(Revocation.comeback(after: tombstone.revision).hash)
            document.isDeleted = false
            #expect(try await replica.write([document]).isEmpty)
        }
        let file = directory.appendingPathComponent("prebuilt")
        let origin = PrebuiltOrigin(incarnation: "one", sequence: UpdateSequence(3), user: "ada")
        try await replica.export(to: file, origin: origin)
        let client = try client(nil)
        try await client.importDatabase("db", from: file)
        let database = try await client.database("db")
        #expect(try await database.all().map(\.key) == ["c"])
        _ = try await Replicator(from: server, to: database.replica).run()
        #expect(try await database.all().map(\.key) == ["a", "b", "c"])
    }
}

/// A replica that says of which incarnation it is.
struct Incarnated: ForwardingReplica {
    let base: MemoryReplica
    let incarnation: String

    func info() async throws -> ReplicaInfo {
        var info = await base.info()
        info.incarnation = incarnation
        return info
    }
}
