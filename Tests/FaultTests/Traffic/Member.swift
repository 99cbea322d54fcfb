import CouchProtocol
import FullSyncClient
import JSON
import TestSupport

/// A user of the tests' own database with a device that writes notes, deletes some, and pulls what it may read.
actor Member {
    let name: String
    private let local: MemoryReplica
    private let remote: HTTPReplica
    private var random: SeededGenerator

    private static let notes = 6

    init(_ name: String, on system: FaultySystem, seed: UInt64) async throws {
        self.name = name
        random = SeededGenerator(seed: seed)
        local = MemoryReplica(identity: "device of \(name) \(seed)")
        remote = try await system.database(of: name)
    }

    func work(until end: ContinuousClock.Instant) async throws {
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            if Int.random(in: 0..<3, using: &random) == 0 {
                // A pull that a fault cuts short goes on with the next one.
                _ = try? await Replicator(from: remote, to: local, options: .impatient).run()
            } else {
                try await write(count)
                try await local.push(to: remote)
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &random)))
        }
    }

    private func write(_ count: Int) async throws {
        let id = DocumentID(stored: "note-\(name)-\(Int.random(in: 0..<Self.notes, using: &random))")
        if let revision = await local.revision(of: id), Int.random(in: 0..<4, using: &random) == 0 {
            try await local.delete(id, revision: revision)
            return
        }
        let present = await local.document(id)?.objectValue ?? [:]
        _ = try await local.put(id, present.merging(["n": .number(JSONNumber(count))]))
    }

    /// Pulls to the end, and tells the content of each document that the device then has.
    func pull() async throws -> [String: JSONValue] {
        try await local.push(to: remote)
        _ = try await patiently { [local, remote] in
            try await Replicator(from: remote, to: local, options: .impatient).run()
        }
        var contents: [String: JSONValue] = [:]
        for document in await local.documents() {
            contents[document["_id"]?.stringValue ?? ""] = document["n"] ?? .null
        }
        return contents
    }
}
