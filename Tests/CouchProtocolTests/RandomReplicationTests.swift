import CouchProtocol
import JSON
import TestSupport
import Testing

/// Several replicas, edited and synchronised at random with faults in between, must end alike.
@Suite struct RandomReplicationTests {
    private struct World {
        var generator: SeededGenerator
        let replicas: [MemoryReplica]
        let ids = (0..<8).map { DocumentID(stored: "doc\($0)") }
        var edits = 0

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
            // No limit that histories reach: where one replica forgets ancestors that others still edit, CouchDB's
            // protocol itself makes conflicts of them.
            replicas = (0..<4).map { MemoryReplica(identity: "replica\($0)") }
        }

        mutating func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

        /// A random edit of a random leaf.
        mutating func edit() async throws {
            let replica = replicas[random(replicas.count)]
            let id = ids[random(ids.count)]
            let leaves = await replica.leaves()[id] ?? []
            edits += 1
            guard !leaves.isEmpty else {
                try await replica.put(id, ["edit": .number(JSONNumber(edits))])
                return
            }
            let parent = leaves[random(leaves.count)]
            if random(4) == 0 {
                try await replica.delete(id, revision: parent)
            } else {
                try await replica.put(
                    id,
                    ["_rev": .string(parent.description), "edit": .number(JSONNumber(edits))]
                )
            }
        }

        /// A replication that may fail anywhere.
        mutating func synchronise() async throws {
            let source = random(replicas.count)
            let target = (source + 1 + random(replicas.count - 1)) % replicas.count
            var options = ReplicationOptions()
            options.batchSize = 1 + random(4)
            options.batchesInFlight = 1 + random(3)
            options.batchesPerCheckpoint = 1 + random(3)
            options.retry.attemptLimit = 1 + random(3)
            let faults = Faults(seed: UInt64(random(1 << 30)), oneIn: 2 + random(20))
            let judge: @Sendable (FaultyReplica.Call) async -> FaultyReplica.Verdict = { _ in await faults.verdict() }
            let replicator = Replicator(
                from: FaultyReplica(replicas[source], judge: judge),
                to: FaultyReplica(replicas[target], judge: judge),
                options: options,
                clock: RecordingClock()
            )
            do {
                _ = try await replicator.run()
            } catch is TransportError {
                // It gave up, as it may; the next one takes over where it was.
            }
        }
    }

    /// Calls that fail now and then, before or after they have been carried out.
    private actor Faults {
        private var generator: SeededGenerator
        private let oneIn: Int

        init(seed: UInt64, oneIn: Int) {
            generator = SeededGenerator(seed: seed)
            self.oneIn = oneIn
        }

        func verdict() -> FaultyReplica.Verdict {
            guard Int.random(in: 0..<oneIn, using: &generator) == 0 else { return .proceed }
            let error = TransportError("a fault")
            return Bool.random(using: &generator) ? .fail(error) : .loseAnswer(error)
        }
    }

    @Test(arguments: 0..<24)
    func `all replicas end with the same leaves and winners`(seed: UInt64) async throws {
        var world = World(seed: seed)
        for _ in 0..<90 {
            if world.random(3) > 0 { try await world.edit() } else { try await world.synchronise() }
        }
        // Two rounds through the hub bring everything everywhere.
        let hub = world.replicas[0]
        for _ in 0..<2 {
            for replica in world.replicas.dropFirst() {
                _ = try await Replicator(from: replica, to: hub).run()
                _ = try await Replicator(from: hub, to: replica).run()
            }
        }
        let leaves = await hub.leaves()
        #expect(!leaves.isEmpty, "seed \(seed)")
        for replica in world.replicas.dropFirst() {
            #expect(await replica.leaves() == leaves, "seed \(seed)")
            for id in world.ids {
                #expect(await replica.document(id) == hub.document(id), "seed \(seed)")
                #expect(await replica.conflicts(of: id) == hub.conflicts(of: id), "seed \(seed)")
            }
        }
        // And when all is alike there is nothing more to bring.
        let last = try await Replicator(from: hub, to: world.replicas[1]).run()
        #expect(last.statistics.missingFound == 0, "seed \(seed)")
    }
}
