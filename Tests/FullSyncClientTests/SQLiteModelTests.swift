import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

/// Databases on the disk, edited, replicated and opened again at random, beside ones in memory that get the same.
@Suite struct SQLiteModelTests {
    private struct World {
        var generator: SeededGenerator
        var paths: [String] = []
        var stores: [FullSyncDatabase] = []
        var models: [MemoryReplica] = []
        let ids = (0..<6).map { "doc\($0)" }
        var edits = 0

        init(seed: UInt64) throws {
            generator = SeededGenerator(seed: seed)
            let directory = TestDirectory.make("model")
            for number in 0..<3 {
                paths.append("\(directory)/\(number).sqlite")
                stores.append(try Self.open(paths[number]))
                models.append(MemoryReplica(identity: "model\(number)"))
            }
        }

        static func open(_ path: String) throws -> FullSyncDatabase {
            FullSyncDatabase(name: "model", replica: try SQLiteReplica(path: path))
        }

        mutating func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

        mutating func step() async throws {
            let place = random(stores.count)
            switch random(10) {
            case 0:
                try stores[place].replica.close()
                stores[place] = try Self.open(paths[place])
            case 1, 2: try await replicate(from: place)
            default: try await edit(place)
            }
            try await compare(place)
        }

        /// The same replication between databases on the disk and in memory.
        mutating func replicate(from source: Int) async throws {
            let target = (source + 1 + random(stores.count - 1)) % stores.count
            var options = ReplicationOptions()
            options.batchSize = 1 + random(4)
            let (from, to) = (stores[source].replica, stores[target].replica)
            _ = try await Replicator(from: from, to: to, options: options).run()
            _ = try await Replicator(from: models[source], to: models[target], options: options).run()
            try await compare(target)
        }

        /// A random edit of a random leaf.
        mutating func edit(_ place: Int) async throws {
            let id = ids[random(ids.count)]
            let leaves = await models[place].leaves()[DocumentID(stored: id)] ?? []
            let leaf = leaves.isEmpty ? nil : leaves[random(leaves.count)]
            edits += 1
            if let leaf, random(5) == 0 {
                let receipt = try await stores[place].delete(id, revision: leaf.description)
                let revision = try await models[place].delete(DocumentID(stored: id), revision: leaf)
                #expect(receipt.revision == revision.description)
                return
            }
            let document = try await document(id, after: leaf, place)
            let receipt = try await stores[place].post(document)
            let revision = try await models[place].put(DocumentID(stored: id), document)
            #expect(receipt.revision == revision.description)
        }

        private mutating func document(_ id: String, after leaf: RevisionID?, _ place: Int) async throws -> JSONObject {
            var document: JSONObject = ["_id": .string(id), "edit": .number(JSONNumber(edits))]
            document["_rev"] = leaf.map { .string($0.description) }
            if random(3) == 0 { document["~owner"] = .string("user\(random(2))") }
            if random(3) == 0 { document["~groups"] = ["a", "b"] }
            var attachments = JSONObject()
            if let leaf, let present = await models[place].document(DocumentID(stored: id), revision: leaf),
                let kept = present["_attachments"]?.objectValue, random(2) == 0
            {
                attachments = kept
            }
            if random(3) == 0 {
                // Few contents, so that documents share them; one is of several pieces.
                let content = [UInt8](repeating: UInt8(random(3)), count: random(4) == 0 ? 600_000 : 5)
                attachments["n\(random(3))"] = ["data": .string(Base64.encode(content))]
            }
            if !attachments.isEmpty { document["_attachments"] = .object(attachments) }
            return document
        }

        /// Both hold the same leaves, in the same order, with the same members.
        func compare(_ place: Int) async throws {
            let (store, model) = (stores[place], models[place])
            let page = try await store.replica.changes(ChangesRequest(limit: 10_000))
            let leaves = Dictionary(uniqueKeysWithValues: page.rows.map { ($0.id, $0.revisions) })
            #expect(await model.leaves() == leaves, "seed \(generator.seed)")
            for (id, revisions) in leaves {
                let documents = try await store.leaves(of: id.text)
                #expect(documents.count == revisions.count)
                for (document, revision) in zip(documents, revisions) {
                    let expected = await model.document(id, revision: revision)
                    #expect(.object(document) == expected, "seed \(generator.seed)")
                }
                for name in ["n0", "n1", "n2"] {
                    let content = try await store.attachment(name, of: id.text).map { Array($0.content) }
                    #expect(await content == model.attachment(name, of: id), "seed \(generator.seed)")
                }
            }
        }
    }

    @Test(arguments: 0..<12)
    func `a database on the disk does what one in memory does`(seed: UInt64) async throws {
        var world = try World(seed: seed)
        for _ in 0..<60 { try await world.step() }
        for store in world.stores { try store.replica.close() }
    }

    /// What a process leaves that was killed at any moment: the file, and a log that breaks off anywhere.
    @Test(arguments: 0..<6)
    func `a log that breaks off anywhere leaves the state between two transactions`(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let directory = TestDirectory.make("cut")
        let store = try SQLiteReplica(path: "\(directory)/db.sqlite")
        let database = FullSyncDatabase(name: "cut", replica: store)
        var states = [0: [DocumentID: [RevisionID]]()]
        for number in 1...25 {
            let document: JSONObject = [
                "_id": .string("doc\(Int.random(in: 0..<8, using: &generator))"), "n": .number(JSONNumber(number)),
                "_attachments": ["x": ["data": "aGVsbG8="]],
            ]
            try await database.post(document, policy: .override)
            let page = try await store.changes(ChangesRequest())
            states[number] = Dictionary(uniqueKeysWithValues: page.rows.map { ($0.id, $0.revisions) })
            let present = try await store.localDocument("checkpoint")?.revision
            // A checkpoint says what it covers.
            _ = try await store.putLocalDocument(
                "checkpoint",
                LocalDocument(revision: present, body: ["through": .number(JSONNumber(number))])
            )
        }
        let file = URL(fileURLWithPath: "\(directory)/db.sqlite")
        let log = URL(fileURLWithPath: "\(directory)/db.sqlite-wal")
        let (pages, frames) = (try Data(contentsOf: file), try Data(contentsOf: log))
        try store.close()
        for cut in 0..<20 {
            let length = Int.random(in: 0...frames.count, using: &generator)
            let path = "\(directory)/\(cut).sqlite"
            try pages.write(to: URL(fileURLWithPath: path))
            try frames.prefix(length).write(to: URL(fileURLWithPath: path + "-wal"))
            let reopened = try SQLiteReplica(path: path)
            let sequence = Int(try await reopened.info().updateSequence.text) ?? -1
            let page = try await reopened.changes(ChangesRequest())
            let leaves = Dictionary(uniqueKeysWithValues: page.rows.map { ($0.id, $0.revisions) })
            #expect(leaves == states[sequence], "seed \(seed), \(length) bytes")
            let covered = try await reopened.localDocument("checkpoint")?.body["through"]?.intValue ?? 0
            #expect(covered <= sequence, "seed \(seed), \(length) bytes")
            // And it can be written to.
            let again = FullSyncDatabase(name: "cut", replica: reopened)
            try await again.post(["_id": "new"], policy: .override)
            try reopened.close()
        }
    }
}
