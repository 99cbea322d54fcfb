import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// Changes that come with their documents (`leaves=true`), and pulls that read them.
    @Suite(.timeLimit(.minutes(30))) struct FeedLeavesTests {
        private func rows(_ stage: Stage, of client: Client, _ query: String = "") async throws -> [String: JSONValue] {
            let answer = try await client.get("\(stage.path)/_changes?style=all_docs&leaves=true\(query)")
            let rows = try #require(answer.json["results"]?.arrayValue, "\(answer.json)")
            return Dictionary(rows.map { ($0["id"]?.stringValue ?? "", $0) }) { $1 }
        }

        /// What `_bulk_get` says of the revisions that a row names.
        private func read(_ row: JSONValue?, _ stage: Stage, of client: Client) async throws -> [JSONValue?] {
            let docs = (row?["changes"]?.arrayValue ?? []).map {
                ["id": row?["id"] ?? .null, "rev": $0["rev"] ?? .null]
            }
            let body: JSONValue = ["docs": .array(docs.map { .object(JSONObject($0.map { ($0, $1) })) })]
            let answer = try await client.send("POST", "\(stage.path)/_bulk_get?revs=true", body)
            return try #require(answer.json["results"]?.arrayValue).map { $0["docs"]?.arrayValue?.first?["ok"] }
        }

        @Test func `rows bring all their leaves with histories, or none`() async throws {
            let stage = try await Stage.make("leaves")
            let edited = try await stage.put("edited", ["n": 1])
            try await stage.put("edited", ["n": 1.50], after: edited)
            let deleted = try await stage.put("deleted", ["n": 1])
            try await stage.expect(stage.administrator, "DELETE", "/deleted?rev=\(deleted)", 200)
            try await stage.graft("branched", ["1-\(String(repeating: "a", count: 32))"], ["n": 1])
            try await stage.graft("branched", ["1-\(String(repeating: "b", count: 32))"], ["n": 2])
            try await stage.put("large", ["text": .string(String(repeating: "x", count: 40_000))])
            try await stage.put("photo", ["_attachments": ["p": ["content_type": "text/plain", "data": "aGk="]]])
            let rows = try await rows(stage, of: stage.administrator)
            #expect(rows.count == 5)
            for id in ["edited", "deleted", "branched"] {
                let leaves = try #require(rows[id]?["leaves"]?.arrayValue, "\(id)")
                #expect(leaves == (try await read(rows[id], stage, of: stage.administrator)), "\(id)")
                #expect(leaves.allSatisfy { $0["_revisions"] != nil })
            }
            #expect(rows["branched"]?["leaves"]?.arrayValue?.count == 2)
            #expect(rows["deleted"]?["leaves"]?.arrayValue?.first?["_deleted"] == true)
            #expect(rows["large"]?["leaves"] == nil)
            #expect(rows["photo"]?["leaves"] == nil)
            let plain = try await stage.administrator.get("\(stage.path)/_changes?style=all_docs")
            #expect(plain.json["results"]?.arrayValue?.allSatisfy { $0["leaves"] == nil } == true)
        }

        @Test func `a user gets the leaves that the user may read, and the tombstones of what is lost`() async throws {
            let stage = try await Stage.make("leaves-rights")
            let (mine, hers) = (stage.cast.first, stage.cast.stranger)
            try await stage.put("mine", ["~owner": .string(mine)])
            try await stage.put("hers", ["~owner": .string(hers)])
            try await stage.graft("both", ["1-\(String(repeating: "a", count: 32))"], ["~owner": .string(mine)])
            try await stage.graft("both", ["1-\(String(repeating: "b", count: 32))"], ["~owner": .string(hers)])
            let lost = try await stage.put("lost", ["~owner": .string(mine), "secret": "canary"])
            let end = try await stage.user.get("\(stage.path)/_changes").json["last_seq"]?.stringValue
            let before = try await rows(stage, of: stage.user)
            #expect(Set(before.keys) == ["mine", "both", "lost"])
            #expect(before["both"]?["leaves"]?.arrayValue?.map { $0["~owner"] } == [.string(mine)])
            try await stage.put("lost", ["~owner": .string(hers), "secret": "canary"], after: lost)
            let after = try await rows(stage, of: stage.user, "&since=\(try #require(end))")
            let leaf = try #require(after["lost"]?["leaves"]?.arrayValue?.first)
            #expect(leaf["_deleted"] == true && leaf["secret"] == nil)
            #expect([leaf] == (try await read(after["lost"], stage, of: stage.user)))
        }

        @Test func `a first pull is one answer, and goes on where it was cut off`() async throws {
            let stage = try await Stage.make("first-pull")
            let docs = (0..<1_200).map { number -> JSONValue in
                ["_id": .string("d\(number)"), "n": .number(JSONNumber(number)), "~owner": .string(stage.cast.first)]
            }
            let written = try await stage.administrator.send("POST", "\(stage.path)/_bulk_docs", ["docs": .array(docs)])
            try #require(written.status == 201)
            let session = HTTPSession(address: try ServerAddress(parsing: stage.user.base))
            try await session.login(
                .init(name: stage.cast.first, password: RunningSystem.password(of: stage.cast.first))
            )
            let server = HTTPReplica(session: session, database: String(stage.path.dropFirst()))
            let device = MemoryReplica(identity: uniqueID("device"))
            var options = ReplicationOptions()
            (options.batchSize, options.batchesPerCheckpoint) = (100, 1)
            options.retry.attemptLimit = 1
            let cut = CuttingReplica(base: server, afterPages: 4)
            await #expect(throws: TransportError.self) {
                try await Replicator(from: cut, to: device, options: options).run()
            }
            let begun = await device.info().documentCount
            #expect(begun > 0 && begun < 1_200)
            let rest = CuttingReplica(base: server, afterPages: .max)
            let result = try await Replicator(from: rest, to: device, options: options).run()
            #expect(result.since != .beginning)
            #expect(result.statistics.changesRead < 1_200)
            #expect(await device.info().documentCount == 1_200)
            // Without a cut one page shows that there is much, and the rest is one answer.
            let (whole, other) = (
                CuttingReplica(base: server, afterPages: .max), MemoryReplica(identity: uniqueID("device"))
            )
            _ = try await Replicator(from: whole, to: other, options: options).run()
            #expect(await other.leaves() == device.leaves())
            #expect((whole.counts.streams, whole.counts.fetches) == (1, 0))
        }
    }
}

/// A replica whose one answer breaks off behind some pages, once a checkpoint was saved, and that counts what it is
/// asked.
private final class CuttingReplica: ForwardingReplica {
    struct Counts {
        var streams = 0
        var pages = 0
        var fetches = 0
    }

    let base: HTTPReplica
    private let limit: Int
    private let state = Mutex(Counts())
    private let (saved, save) = AsyncStream.makeStream(of: Void.self)

    init(base: HTTPReplica, afterPages limit: Int) {
        self.base = base
        self.limit = limit
    }

    var counts: Counts { state.withLock { $0 } }

    func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        guard let stream = try await base.changesStream(request) else { return nil }
        state.withLock { $0.streams += 1 }
        return ChangesStream { [self] in
            let pages = state.withLock { counts in
                counts.pages += 1
                return counts.pages
            }
            guard pages <= limit else {
                for await _ in saved {}
                throw TransportError("cut off")
            }
            return try await stream.next()
        }
    }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        guard counts.pages <= limit else { throw TransportError("cut off") }
        return try await base.changes(request)
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        defer { save.finish() }
        return try await base.putLocalDocument(name, document)
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        state.withLock { $0.fetches += 1 }
        return try await base.fetch(requests)
    }
}
