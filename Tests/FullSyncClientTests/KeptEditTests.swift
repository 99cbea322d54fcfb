import CouchProtocol
import Foundation
import GRDB
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Edits that are kept aside with attachments, which are stored as those of documents are.
@Suite(.timeLimit(.minutes(10))) struct KeptEditTests {
    fileprivate static let photo = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })

    /// A database with an edit of a document that was taken away.
    private struct Scene {
        let path = TestDirectory.make("kept") + "/db.sqlite"
        let limits: StoreLimits
        let database: FullSyncDatabase
        let edit: FullSyncDatabase.Receipt
        private var photo: Data { KeptEditTests.photo }

        init(isSealed: Bool) async throws {
            var limits = StoreLimits()
            if isSealed { limits.vault = try Vault(key: Data(repeating: 7, count: 32)) }
            self.limits = limits
            database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path, limits: limits))
            let server = ScriptedServer()
            let base = try await server.base.put(DocumentID(stored: "a"), ["n": 1])
            try await Self.sync(database, server)
            try await database.putAttachment("photo", KeptEditTests.photo, contentType: "image/png", to: "a")
            edit = try await database.putAttachment("note", Data("hello".utf8), contentType: "text/plain", to: "a")
            try await server.base.revoke("a", base)
            server.refused.withLock { $0["a"] = .forbidden("It is not yours.") }
            try await Self.sync(database, server)
        }

        private static func sync(_ database: FullSyncDatabase, _ server: ScriptedServer) async throws {
            _ = try await SyncRun(of: database, with: server, SyncOptions()).run()
        }

        func count(_ table: String, of database: FullSyncDatabase? = nil) async throws -> Int? {
            try await (database ?? self.database).replica.read { reader in
                try Int.fetchOne(reader.db, sql: "SELECT count(*) FROM \(table)")
            }
        }

        /// The database as version 5 had it, opened again.
        ///
        /// - Parameter edits: The edits that are kept, each as one text.
        func reopened(with edits: [[UInt8]], tags: TagNames? = nil) async throws -> FullSyncDatabase {
            let texts = try edits.map { try limits.vault.sealed($0) }
            let revision = edit.revision
            try await database.replica.pool.write { db in
                try db.execute(sql: "DELETE FROM bodies WHERE number IN (SELECT body FROM kept_edits)")
                try db.execute(sql: "DELETE FROM contents")
                try db.execute(sql: "DELETE FROM kept_edits")
                try db.execute(sql: "ALTER TABLE kept_edits DROP COLUMN body")
                try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '6'")
                for text in texts {
                    try db.execute(
                        sql: "INSERT INTO kept_edits (id, revision, document) VALUES ('a', ?, ?)",
                        arguments: [revision, text]
                    )
                }
                guard let tags else { return }
                try db.execute(
                    sql: "UPDATE state SET owner_member = ?, groups_member = ?",
                    arguments: [tags.owner, tags.groups]
                )
            }
            try database.replica.close()
            return FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path, limits: limits))
        }

        func expectKept(_ database: FullSyncDatabase) async throws {
            let kept = try #require(try await database.keptEdits().first)
            #expect(kept.revision == edit.revision && kept.document["n"] == 1)
            let described = kept.document["_attachments"]?["photo"]
            #expect(described?["stub"] == true && described?["length"] == .number(JSONNumber(photo.count)))
            let found = try await database.attachment("photo", of: kept)
            #expect(found?.content == photo && found?.contentType == "image/png")
            #expect(try await database.attachment("note", of: kept)?.content == Data("hello".utf8))
            #expect(try await database.attachment("none", of: kept) == nil)
            let file = URL(fileURLWithPath: path + ".photo")
            #expect(try await database.copyAttachment("photo", of: kept, to: file) == "image/png")
            #expect(try Data(contentsOf: file) == photo)
        }
    }

    @Test(arguments: [false, true]) func `contents stay in pieces, and go when the edit is forgotten`(
        isSealed: Bool
    ) async throws {
        let scene = try await Scene(isSealed: isSealed)
        let database = scene.database
        #expect(try await database.all().isEmpty)
        try await scene.expectKept(database)
        let size = try await database.replica.read { reader in
            try Int.fetchOne(reader.db, sql: "SELECT max(length(document)) FROM kept_edits")
        }
        #expect(try #require(size) < 1_000)
        // What a document has, too, stays.
        try await database.putAttachment("same", Self.photo, to: "b")
        #expect(try await scene.count("contents") == 2)
        let kept = try #require(try await database.keptEdits().first)
        try await database.forget(kept)
        #expect(try await database.attachment("photo", of: kept) == nil)
        #expect(try await database.attachment("same", of: "b")?.content == Self.photo)
        #expect(try await scene.count("contents") == 1)
        #expect(try await scene.count("bodies") == 2, "the tombstone's and the other document's")
    }

    @Test(arguments: [false, true]) func `edits that an earlier version kept as a whole are kept in pieces, too`(
        isSealed: Bool
    ) async throws {
        let scene = try await Scene(isSealed: isSealed)
        var document = try #require(try await scene.database.keptEdits().first).document
        document["_attachments"] = [
            "photo": ["content_type": "image/png", "data": .string(Self.photo.base64EncodedString()), "revpos": 2],
            "note": ["content_type": "text/plain", "data": "aGVsbG8=", "revpos": 3],
        ]
        let again = try await scene.reopened(with: [JSONValue.object(document).bytes])
        try await scene.expectKept(again)
        let kept = try #require(try await again.keptEdits().first)
        try await again.forget(kept)
        #expect(try await scene.count("contents", of: again) == 0)
        #expect(try await scene.count("kept_edits", of: again) == 0)
    }

    @Test(arguments: [false, true]) func `whatever edits an earlier version kept, the database opens`(
        isSealed: Bool
    ) async throws {
        let scene = try await Scene(isSealed: isSealed)
        var document = try #require(try await scene.database.keptEdits().first).document
        document["_attachments"] = ["note": ["content_type": "text/plain", "data": "aGVsbG8=", "revpos": 3]]
        var (tagged, large, deep, wrong) = (document, document, document, document)
        // Where the server calls them otherwise, these are members as any other.
        (tagged["~owner"], tagged["~groups"]) = (7, true)
        (tagged["acl"], tagged["teams"]) = ("ada", ["x"])
        large["text"] = .string(String(repeating: "x", count: 9_000_000))
        deep["list"] = (0..<900).reduce(JSONValue.array([])) { inner, _ in .array([inner]) }
        wrong["acl"] = 7
        let members = [tagged, large, deep, wrong]
        let again = try await scene.reopened(
            with: members.map { JSONValue.object($0).bytes },
            tags: TagNames(owner: "acl", groups: "teams")
        )
        let kept = try await again.keptEdits()
        try #require(kept.count == members.count)
        for (edit, before) in zip(kept, members).dropLast() {
            for (name, value) in before where name != "_attachments" {
                #expect(edit.document[name] == value, "\(name)")
            }
            #expect(edit.document["_attachments"]?["note"]?["stub"] == true)
            #expect(try await again.attachment("note", of: edit)?.content == Data("hello".utf8))
        }
        #expect(kept.last?.document == wrong, "what makes no sense stays as it is")
        #expect(try await scene.count("contents", of: again) == 1)
        for edit in kept { try await again.forget(edit) }
        #expect(try await scene.count("contents", of: again) == 0)
    }

    @Test(arguments: [false, true]) func `one that cannot be read is listed as such, and hides no other`(
        isSealed: Bool
    ) async throws {
        let scene = try await Scene(isSealed: isSealed)
        let database = scene.database
        let vault = scene.limits.vault
        let texts = ["no json", "[1]"]
        let damaged = [Data([0, 255, 1])] + (try texts.map { try vault.sealed(Array($0.utf8)) })
        try await database.replica.pool.write { db in
            for (place, document) in damaged.enumerated() {
                try db.execute(
                    sql: "INSERT INTO kept_edits (number, id, revision, document) VALUES (?, 'bad', '1-aa', ?)",
                    arguments: [place - damaged.count, document]
                )
            }
        }
        let kept = try await database.keptEdits()
        try #require(kept.count == 4)
        for edit in kept.prefix(3) {
            #expect(edit.documentID == "bad" && edit.document.isEmpty && edit.damage != nil)
            #expect(try await database.attachment("photo", of: edit) == nil)
            try await database.forget(edit)
        }
        #expect(kept.last?.damage == nil)
        #expect(try await database.keptEdits() == kept.suffix(1))
        try await scene.expectKept(database)
    }

    @Test func `a file for others to begin with has nothing of them`() async throws {
        let scene = try await Scene(isSealed: false)
        let file = URL(fileURLWithPath: scene.path + ".export")
        let origin = PrebuiltOrigin(incarnation: "x", sequence: UpdateSequence(1), user: "ada")
        try await scene.database.replica.export(to: file, origin: origin)
        let copy = try DatabaseQueue(path: file.path)
        for table in ["kept_edits", "contents", "pieces"] {
            #expect(try await copy.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") } == 0, "\(table)")
        }
    }
}
