import CouchProtocol
import Foundation
import GRDB
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Contents of attachments that come to a device, and leave it, in pieces.
@Suite struct ContentArrivalTests {
    private let replica: SQLiteReplica
    private let path = TestDirectory.make("arrivals") + "/db.sqlite"

    init() throws {
        replica = try SQLiteReplica(path: path, limits: StoreLimits(vault: Vault(key: Data(repeating: 7, count: 32))))
    }

    private func bytes(_ count: Int, _ seed: Int = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &+ $0 >> 8) }
    }

    /// A source that gives pieces of some length, and breaks off behind so many of them.
    private func source(_ content: [UInt8], pieces size: Int, until limit: Int = .max) -> AttachmentSource {
        AttachmentSource {
            let place = Place()
            return ReplicaStream {
                let number = place.next()
                guard number < limit else { throw TransportError("cut off") }
                let piece = content.dropFirst(number * size).prefix(size)
                return piece.isEmpty ? nil : Array(piece)
            }
        }
    }

    private func document(_ id: String, _ attachments: [(String, [UInt8], AttachmentSource)]) -> ReplicatedDocument {
        let path = RevisionPath(start: 1, hashes: [.digest(1, UInt64(id.utf8.count))])
        let described = attachments.map { name, content, source in
            var attachment = ReplicatedAttachment(
                name: name,
                contentType: "image/png",
                revisionPosition: 1,
                digest: AttachmentDigest.of(content),
                length: content.count
            )
            attachment.source = source
            return attachment
        }
        return ReplicatedDocument(id: DocumentID(stored: id), path: path, attachments: described)
    }

    private func contents() async throws -> Int {
        try await replica.read { try Int.fetchOne($0.db, sql: "SELECT count(*) FROM contents") ?? 0 }
    }

    @Test(arguments: [1_000, 100_000, 300_000, 262_144], [0, 1, 262_144, 262_145, 1_000_000])
    func `a content comes piece by piece, whatever pieces it is sent in`(piece: Int, length: Int) async throws {
        let content = bytes(length)
        #expect(try await replica.write([document("a", [("p", content, source(content, pieces: piece))])]).isEmpty)
        let database = FullSyncDatabase(name: "db", replica: replica)
        #expect(try await database.attachment("p", of: "a")?.content == Data(content))
        // And goes on to another replica as it came.
        let asked = [FetchRequest(id: DocumentID(stored: "a"), revision: document("a", []).path.revision)]
        guard case .document(let sent) = try await replica.fetch(asked)[0] else { throw CouchError.missing }
        let attachment = try #require(sent.attachments.first)
        #expect((attachment.source != nil) == (length > 262_144))
        #expect(try await attachment.source?.bytes() ?? attachment.content == content)
        #expect(attachment.digest == AttachmentDigest.of(content))
    }

    @Test func `a content that breaks off leaves nothing, and comes the next time`() async throws {
        let (one, two) = (bytes(500_000), bytes(600_000, 1))
        let broken = document(
            "a",
            [("x", one, source(one, pieces: 99_999)), ("y", two, source(two, pieces: 99_999, until: 5))]
        )
        await #expect(throws: TransportError.self) { try await replica.write([broken]) }
        #expect(try await replica.info().documentCount == 0)
        let whole = document("a", [("x", one, source(one, pieces: 9_999)), ("y", two, source(two, pieces: 9_999))])
        #expect(try await replica.write([whole]).isEmpty)
        #expect(try await contents() == 2)
        let database = FullSyncDatabase(name: "db", replica: replica)
        #expect(try await database.attachment("y", of: "a")?.content == Data(two))
    }

    @Test func `the same content is kept once, however it comes`() async throws {
        let content = bytes(300_000)
        let twice = document(
            "a",
            [("x", content, source(content, pieces: 70_000)), ("y", content, source(content, pieces: 80_000))]
        )
        #expect(try await replica.write([twice]).isEmpty)
        #expect(try await replica.write([document("bb", [("z", content, source(content, pieces: 90_000))])]).isEmpty)
        let database = FullSyncDatabase(name: "db", replica: replica)
        try await database.putAttachment("own", Data(content), to: "c")
        #expect(try await contents() == 1)
        // What is here is not asked for again.
        let unread = AttachmentSource { throw TransportError("asked for") }
        var next = document("a", [("x", content, unread)])
        next.path = RevisionPath(start: 2, hashes: [.digest(2, 2), next.path.revision.hash])
        #expect(try await replica.write([next]).isEmpty)
        #expect(try await database.attachment("x", of: "a")?.content == Data(content))
    }

    @Test func `a branch has what another one that comes with it has taken away`() async throws {
        let content = bytes(300_000)
        let first = document("a", [("p", content, source(content, pieces: 70_000))])
        #expect(try await replica.write([first]).isEmpty)
        var (bare, branch) = (document("a", []), first)
        bare.path = RevisionPath(start: 2, hashes: [.digest(2, 1), first.path.revision.hash])
        branch.path = RevisionPath(start: 2, hashes: [.digest(2, 2), first.path.revision.hash])
        #expect(try await replica.write([bare, branch]).isEmpty)
        var options = GetOptions()
        options.includesAttachments = true
        let leaves = try await FullSyncDatabase(name: "db", replica: replica).leaves(of: "a", options)
        let found = leaves.compactMap { $0["_attachments"]?["p"]?["data"]?.stringValue }
        #expect(leaves.count == 2 && found == [Data(content).base64EncodedString()])
        #expect(try await contents() == 1)
    }

    @Test func `branches that replaced the same attachment have each its own`() async throws {
        let contents = [bytes(300_000), bytes(300_000, 1), bytes(300_000, 2)]
        let first = document("a", [("p", contents[0], source(contents[0], pieces: 70_000))])
        let branches = [1, 2].map { number in
            var branch = document("a", [("p", contents[number], source(contents[number], pieces: 70_000))])
            branch.path = RevisionPath(start: 2, hashes: [.digest(2, UInt64(number)), first.path.revision.hash])
            branch.attachments[0].revisionPosition = 2
            return branch
        }
        // One after the other, and together.
        #expect(try await replica.write([first]).isEmpty)
        for branch in branches { #expect(try await replica.write([branch]).isEmpty) }
        let both = try SQLiteReplica(path: TestDirectory.make("arrivals") + "/db.sqlite")
        #expect(try await both.write([first] + branches).isEmpty)
        for replica in [replica, both] {
            for (branch, content) in zip(branches, contents.dropFirst()) {
                let asked = [FetchRequest(id: branch.id, revision: branch.path.revision)]
                guard case .document(let sent) = try await replica.fetch(asked)[0] else { throw CouchError.missing }
                #expect(try await sent.attachments.first?.source?.bytes() == content)
            }
        }
        // What came in an ancestor of both is the same, whatever a server says its digest is.
        var third = branches[0]
        third.path = RevisionPath(start: 3, hashes: [.digest(3, 3)] + branches[0].path.revisions.map(\.hash))
        third.attachments[0].digest = "md5-of-something-compressed"
        third.attachments[0].source = AttachmentSource { throw TransportError("asked for") }
        #expect(try await replica.write([third]).isEmpty)
    }

    @Test func `one branch that cannot be taken keeps no other one away`() async throws {
        var limits = StoreLimits()
        limits.rules.attachmentSizeLimit = 400_000
        let small = try SQLiteReplica(path: TestDirectory.make("arrivals") + "/db.sqlite", limits: limits)
        let (large, fitting) = (bytes(400_001), bytes(400_000))
        let one = document("a", [("p", large, source(large, pieces: 70_000))])
        var two = document("a", [("p", fitting, source(fitting, pieces: 70_000))])
        two.path = RevisionPath(start: 1, hashes: [.digest(9, 9)])
        #expect(try await small.write([one, two]).map(\.revision) == [one.path.revision])
        let rows = try await small.changes(ChangesRequest()).rows
        #expect(rows.map(\.revisions) == [[two.path.revision]])
    }

    @Test func `documents whose contents have come stay when a later one breaks off`() async throws {
        let content = bytes(300_000)
        let whole = document("a", [("p", content, source(content, pieces: 70_000))])
        let broken = document("bb", [("p", content, source(content, pieces: 70_000, until: 2))])
        // Whichever is first, a try brings what it can, and the next one the rest.
        await #expect(throws: TransportError.self) { try await replica.write([whole, broken]) }
        await #expect(throws: TransportError.self) { try await replica.write([broken]) }
        #expect(try await replica.write([whole]).isEmpty)
        #expect(try await replica.info().documentCount == 1)
        #expect(try await contents() == 1)
    }

    @Test func `a content that is too large is its document's failure, and leaves nothing`() async throws {
        var limits = StoreLimits()
        limits.rules.attachmentSizeLimit = 400_000
        let small = try SQLiteReplica(path: TestDirectory.make("arrivals") + "/db.sqlite", limits: limits)
        let (large, fitting) = (bytes(400_001), bytes(400_000))
        let failures = try await small.write([
            document("a", [("p", large, source(large, pieces: 70_000))]),
            document("bb", [("p", fitting, source(fitting, pieces: 70_000))]),
        ])
        #expect(failures.map(\.id.text) == ["a"] && failures[0].error == .tooLarge)
        #expect(try await small.info().documentCount == 1)
        #expect(try await small.read { try Int.fetchOne($0.db, sql: "SELECT count(*) FROM contents") } == 1)
    }

    @Test func `what was coming when a process ended is done away with later`() async throws {
        let (old, new) = (Arrival.newKey(now: 1_000), Arrival.newKey(now: Date().timeIntervalSince1970))
        try await replica.pool.write { db in
            for key in [old, new] {
                try db.execute(sql: "INSERT INTO contents (key, length) VALUES (?, 0)", arguments: [key])
            }
        }
        try replica.close()
        let again = try SQLiteReplica(path: path, limits: StoreLimits(vault: Vault(key: Data(repeating: 7, count: 32))))
        #expect(try await again.read { try Data.fetchAll($0.db, sql: "SELECT key FROM contents") } == [new])
    }

    @Test func `a request is as long as it says, with all contents in it`() async throws {
        let (one, two) = (bytes(300_000), bytes(70_000, 1))
        var sent = document(
            "a",
            [("ö \"x\"", one, source(one, pieces: 9_000)), ("y", two, source(two, pieces: 70_000))]
        )
        sent.attachments.append(
            ReplicatedAttachment(name: "z", contentType: "text/plain", revisionPosition: 1, content: [1, 2, 3])
        )
        let body = RequestBody(sent, rules: DocumentRules(), boundary: "boundary")
        var text: [UInt8] = []
        for try await piece in Upload(body) {
            #expect(piece.readableBytes <= RequestBody.pieceSize)
            text += piece.readableBytesView
        }
        #expect(text.count == body.length)
        var reader = try MultipartReader(MediaType(body.contentType))
        var contents: [[UInt8]] = []
        for event in try reader.append(text) {
            switch event {
            case .part: contents.append([])
            case .content(let bytes): contents[contents.count - 1] += bytes
            default: break
            }
        }
        #expect(contents.count == 3)
        #expect(contents.dropFirst() == [one, two])
    }
}

/// Counts.
private final class Place: Sendable {
    private let number = Mutex(-1)

    func next() -> Int {
        number.withLock { number in
            number += 1
            return number
        }
    }
}
