import CouchProtocol
import FullSyncClient
import JSON
import TestSupport

/// A user of the tests' own database with a device that writes notes, deletes some, and pulls what it may read: now and
/// then, or live.
actor Member {
    let name: String
    /// Whether it hears of changes while it is connected.
    let isLive: Bool
    private let local: MemoryReplica
    private let remote: HTTPReplica
    private var random: SeededGenerator

    private static let notes = 6

    private var following: Task<Void, any Error>?

    init(
        _ name: String,
        on system: FaultySystem,
        seed: UInt64,
        atSecond isSecond: Bool = false,
        isLive: Bool = false
    ) async throws {
        self.name = name
        self.isLive = isLive
        random = SeededGenerator(seed: seed)
        local = MemoryReplica(identity: "device of \(name) \(seed)")
        remote = try await system.database(of: name, atSecond: isSecond)
    }

    func work(until end: ContinuousClock.Instant) async throws {
        if isLive { following = Task { [local, remote] in try await Self.follow(remote, local) } }
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            if !isLive, Int.random(in: 0..<3, using: &random) == 0 {
                // A pull that a fault cuts short goes on with the next one.
                _ = try? await Replicator(from: remote, to: local, options: .impatient).run()
            } else {
                try await write(count)
                try await local.push(to: remote)
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &random)))
        }
    }

    /// Pulls until the task is cancelled.
    private static func follow(_ remote: HTTPReplica, _ local: MemoryReplica) async throws {
        var options = ReplicationOptions.impatient
        options.isLive = true
        options.wait = .seconds(10)
        while !Task.isCancelled {
            _ = try? await Replicator(from: remote, to: local, options: options).run()
            try await Task.sleep(for: .milliseconds(250))
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

    /// Pushes and pulls to the end.
    func pull() async throws {
        try await local.push(to: remote)
        guard !isLive else { return }
        _ = try await patiently { [local, remote] in
            try await Replicator(from: remote, to: local, options: .impatient).run()
        }
    }

    /// The content of each document that the device has.
    func contents() async -> [String: JSONValue] {
        var contents: [String: JSONValue] = [:]
        for document in await local.documents() {
            contents[document["_id"]?.stringValue ?? ""] = document["n"] ?? .null
        }
        return contents
    }

    /// Hears of no more changes.
    func end() async {
        following?.cancel()
        _ = try? await following?.value
    }
}
