import CouchProtocol
import Foundation
import GRDB
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

@Suite struct FullSyncDatabaseTests {
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("database") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    @Test func `a document is written, read, changed and deleted`() async throws {
        let first = try await database.post(["_id": "a", "n": 1])
        #expect(try await database.get("a")?["n"] == 1)
        let second = try await database.post(["_id": "a", "_rev": .string(first.revision), "n": 2])
        var options = GetOptions()
        options.includesHistory = true
        options.includesHistoryStatus = true
        let read = try #require(try await database.get("a", options))
        #expect(read["_rev"] == .string(second.revision))
        #expect(read["_revisions"]?["ids"]?.arrayValue?.count == 2)
        #expect(read["_revs_info"]?.arrayValue?.map { $0["status"] } == ["available", "missing"])
        options = GetOptions()
        options.revision = first.revision
        #expect(try await database.get("a", options) == nil)
        try await database.delete("a")
        #expect(try await database.get("a") == nil)
        #expect(try await database.info().documentCount == 0)
        #expect(try await database.info().deletedCount == 1)
    }

    @Test func `errors are told by their names`() async throws {
        try await database.post(["_id": "a"])
        for (document, name) in [
            (["_id": "a"], "conflict"), (["_id": "_x"], "illegal_docid"), (["_id": 1], "illegal_docid"),
            (["_id": "b", "_x": 1], "doc_validation"), (["_id": "b", "_rev": "x"], "bad_request"),
            (["_id": "b", "_attachments": ["x": ["stub": true]]], "missing_stub"),
        ] as [(JSONObject, String)] {
            do {
                try await database.post(document)
                Issue.record("\(document) was written")
            } catch let error as FullSyncError {
                #expect(error.error == name)
            }
        }
        await #expect(throws: FullSyncError.self) { try await database.delete("none") }
        await #expect(throws: FullSyncError.self) { try await database.delete("a", revision: "1-abc") }
    }

    @Test func `the policies decide what becomes of what is there`() async throws {
        try await database.post(["_id": "a", "n": 1, "o": ["x": 1, "y": [1, 2, 3]], "~groups": ["g"]])
        try await database.post(
            ["_id": "a", "n": nil, "o": ["x": "text", "y": [9], "z": 0]],
            policy: .merge
        )
        let merged = try #require(try await database.get("a"))
        #expect(merged["n"] == 1 && merged["o"] == ["x": "text", "y": [9, 2, 3], "z": 0])
        #expect(merged["~groups"] == ["g"])
        try await database.post(["_id": "a", "m": 1], policy: .override)
        let overridden = try #require(try await database.get("a"))
        #expect(overridden["n"] == nil && overridden["m"] == 1 && overridden["~groups"] == ["g"])
        let created = try await database.post(["_id": "a", "m": 2], policy: .create)
        #expect(created.id != "a")
        try await database.delete("a")
        for policy in [PostPolicy.override, .merge, .none] {
            #expect(try await database.post(["_id": "a"], policy: policy).id == "a")
            try await database.delete("a")
        }
    }

    private struct Note: Codable, Equatable {
        var text: String
        var tags: [String]
    }

    @Test func `values of the application are documents`() async throws {
        let note = Note(text: "héllo", tags: ["a"])
        let receipt = try await database.post(encoding: note, id: "note")
        #expect(receipt.id == "note")
        #expect(try await database.get("note", as: Note.self) == note)
        #expect(try await database.get("none", as: Note.self) == nil)
        await #expect(throws: DecodingError.self) { try await database.get("note", as: [Int].self) }
    }

    @Test func `documents are listed by their ids`() async throws {
        let documents = ["a", "b", "c", "d"].map { id -> JSONObject in ["_id": .string(id)] }
        let outcomes = try await database.bulk(documents + [["_id": "a"]])
        let written = outcomes.filter { if case .written = $0 { true } else { false } }
        #expect((written.count, outcomes.count) == (4, 5))
        try await database.delete("c")
        #expect(try await database.all().map(\.key) == ["a", "b", "d"])
        var options = ListOptions()
        options.isDescending = true
        options.startKey = "b"
        options.includesDocuments = true
        #expect(try await database.all(options).map { $0.document?["_id"] } == ["b", "a"])
        options = ListOptions()
        options.endKey = "b"
        options.includesEnd = false
        #expect(try await database.all(options).map(\.key) == ["a"])
        options = ListOptions()
        (options.skip, options.limit) = (1, 1)
        #expect(try await database.all(options).map(\.key) == ["b"])
        let rows = try await database.all(keys: ["d", "c", "x"])
        #expect(rows.map(\.key) == ["d", "c", "x"])
        #expect(rows.map(\.isDeleted) == [false, true, false])
        #expect(rows[2].revision == nil)
        options = ListOptions()
        (options.isDescending, options.skip, options.limit) = (true, 1, 1)
        #expect(try await database.all(keys: ["d", "c", "x"], options).map(\.key) == ["c"])
    }

    @Test func `attachments come and go, and what nobody has is not stored`() async throws {
        let content = Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try await database.putAttachment("photo", content, contentType: "image/png", to: "a")
        try await database.putAttachment("copy", content, to: "b")
        #expect(try await database.attachment("photo", of: "a")?.content == content)
        #expect(try await database.attachment("photo", of: "a")?.contentType == "image/png")
        #expect(try await database.attachment("none", of: "a") == nil)
        try await database.post(["_id": "a", "n": 1], policy: .merge)
        #expect(try await database.attachment("photo", of: "a")?.content == content)
        var options = GetOptions()
        options.includesAttachments = true
        let read = try #require(try await database.get("a", options))
        #expect(read["_attachments"]?["photo"]?["data"]?.stringValue == content.base64EncodedString())
        try await database.deleteAttachment("photo", of: "a")
        #expect(try await database.attachment("photo", of: "a") == nil)
        await #expect(throws: FullSyncError.self) { try await database.deleteAttachment("photo", of: "a") }
        #expect(try await database.attachment("copy", of: "b")?.content == content)
        #expect(try await contentCount() == 1)
        try await database.delete("b")
        #expect(try await contentCount() == 0)
    }

    private func contentCount() async throws -> Int? {
        try await database.replica.read { reader in
            try Int.fetchOne(
                reader.db,
                sql: "SELECT count(*) FROM contents JOIN pieces ON content = number AND place = 0"
            )
        }
    }

    @Test func `changes are told as they come`() async throws {
        try await database.post(["_id": "a"])
        var seen: [String] = []
        for try await change in database.changes() {
            seen.append(change.id + (change.isDeleted ? " deleted" : ""))
            if seen.count == 1 { try await database.post(["_id": "b"]) }
            if seen.count == 2 { try await database.delete("a") }
            if seen.count == 3 { break }
        }
        #expect(seen == ["a", "b", "a deleted"])
    }

    @Test func `conflicts are told with the document`() async throws {
        for body in ["x", "y"] {
            let other = MemoryReplica(identity: body)
            try await other.put(DocumentID(stored: "a"), ["body": .string(body)])
            _ = try await Replicator(from: other, to: database.replica).run()
        }
        var options = GetOptions()
        options.includesConflicts = true
        let conflicts = try await database.get("a", options)?["_conflicts"]?.arrayValue
        #expect(conflicts?.count == 1)
        #expect(try await database.leaves(of: "a").count == 2)
        try await database.delete("a", revision: try #require(conflicts?.first?.stringValue))
        #expect(try await database.get("a", options)?["_conflicts"] == nil)
    }

    @Test func `an attachment of a losing branch is put behind that branch, with its members`() async throws {
        let base = try await database.post(["_id": "a", "n": 0])
        let path = RevisionPath(try RevisionID(parsing: base.revision))
        let branches = [(1, "winner"), (2, "loser")].map { digit, text in
            ReplicatedDocument(
                id: DocumentID(stored: "a"),
                path: path.appending(RevisionHash.digest(UInt64(9 - digit), 0)),
                body: JSONValue.object(["text": .string(text)]).bytes
            )
        }
        #expect(try await database.replica.write(branches).isEmpty)
        let (winner, loser) = (branches[0].path.revision.description, branches[1].path.revision.description)
        #expect(try await database.get("a")?["_rev"] == .string(winner))
        let put = try await database.putAttachment("x", Data("x".utf8), to: "a", revision: loser)
        var options = GetOptions()
        options.revision = put.revision
        let written = try #require(try await database.get("a", options))
        #expect(written["text"] == "loser" && written["_attachments"]?["x"] != nil)
        let without = try await database.deleteAttachment("x", of: "a", revision: put.revision)
        options.revision = without.revision
        #expect(try await database.get("a", options)?["text"] == "loser")
        for revision in [base.revision, "7-abc"] {
            await #expect(throws: FullSyncError(.conflict)) {
                try await database.putAttachment("y", Data("y".utf8), to: "a", revision: revision)
            }
        }
    }

    @Test func `what a document of many that fails has stored is not kept`() async throws {
        var limits = StoreLimits()
        limits.rules.attachmentSizeLimit = 5
        let replica = try SQLiteReplica(path: TestDirectory.make("limits") + "/db.sqlite", limits: limits)
        let database = FullSyncDatabase(name: "db", replica: replica)
        let attachments: JSONObject = ["a": ["data": "aGVsbG8="], "b": ["stub": true]]
        let outcomes = try await database.bulk([
            ["_id": "a", "_attachments": .object(attachments)], ["_id": "b", "n": 1],
        ])
        #expect(outcomes.map { if case .written = $0 { true } else { false } } == [false, true])
        let contents = [("a", 5), ("b", 11)].map { name, length in
            ReplicatedAttachment(
                name: name,
                contentType: "x/y",
                revisionPosition: 1,
                content: [UInt8](repeating: 7, count: length)
            )
        }
        let incoming = ReplicatedDocument(
            id: DocumentID(stored: "c"),
            path: RevisionPath(try RevisionID(parsing: "1-aa")),
            attachments: contents
        )
        #expect(try await replica.write([incoming]).map(\.error.status) == [413])
        let kept = try await replica.read { reader in
            try ["contents", "pieces"].map { try Int.fetchOne(reader.db, sql: "SELECT count(*) FROM \($0)") }
        }
        #expect(kept == [0, 0])
        #expect(try await database.all().map(\.key) == ["b"])
    }

    @Test func `as many documents are read at once for a push as may be in memory`() async throws {
        let size = FetchOutcome.sizeLimit / 3 + 1
        var requests: [CouchProtocol.FetchRequest] = []
        for place in 0..<4 {
            let text = String(repeating: "x", count: size)
            let receipt = try await database.post(["_id": .string("d\(place)"), "text": .string(text)])
            let revision = try RevisionID(parsing: receipt.revision)
            requests.append(CouchProtocol.FetchRequest(id: DocumentID(stored: receipt.id), revision: revision))
        }
        var parts: [Int] = []
        try await database.replica.fetch(requests) { parts.append($0.count) }
        #expect(parts == [3, 1])
    }

    @Test func `a database that is closed is one file, with all that was written`() async throws {
        let path = TestDirectory.make("closed") + "/db.sqlite"
        let database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
        for number in 0..<20 {
            try await database.post(["_id": "a", "n": .number(JSONNumber(number))], policy: .override)
            // Whoever reads has a connection of its own, which is there to the end.
            #expect(try await database.get("a")?["n"] == .number(JSONNumber(number)))
        }
        try database.replica.close()
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0 > 4_096)
        let log = try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int
        #expect(log ?? 0 == 0, "nothing stands in the log alone")
    }
}
