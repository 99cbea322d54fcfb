import CouchProtocol
import JSON
import Synchronization
import Testing

@Suite struct ReplicatorTests {
    private let device = MemoryReplica(identity: "device")
    private let server = MemoryReplica(identity: "server")

    private func fill(_ replica: MemoryReplica, _ count: Int, prefix: String = "d") async throws {
        for number in 0..<count {
            try await replica.put(DocumentID(stored: "\(prefix)\(number)"), ["n": .number(JSONNumber(number))])
        }
    }

    @Test(arguments: [1, 3, 10, 500], [1, 2, 5])
    func `all that a source has comes to the target`(batchSize: Int, batchesInFlight: Int) async throws {
        try await fill(server, 25)
        var options = ReplicationOptions()
        options.batchSize = batchSize
        options.batchesInFlight = batchesInFlight
        let result = try await Replicator(from: server, to: device, options: options).run()
        #expect(await device.leaves() == server.leaves())
        #expect(result.statistics.documentsWritten == 25)
        #expect(result.through == UpdateSequence(25))
    }

    @Test func `what a source reads part by part comes to the target, and what it leaves out does not count as done`()
        async throws
    {
        try await fill(server, 7)
        _ = try await Replicator(from: Reading(base: server, atOnce: 3), to: device).run()
        #expect(await device.leaves() == server.leaves())
        try await fill(server, 7, prefix: "e")
        var options = ReplicationOptions()
        options.retry.attemptLimit = 1
        await #expect(throws: TransportError.self) {
            try await Replicator(from: Reading(base: server, atOnce: 0), to: device, options: options).run()
        }
        _ = try await Replicator(from: server, to: device).run()
        #expect(await device.leaves() == server.leaves())
    }

    @Test func `what comes to an empty target comes with its changes, as one answer`() async throws {
        try await fill(server, 25)
        let calls = CallLog()
        var options = ReplicationOptions()
        options.batchSize = 4
        let source = FaultyReplica(server) { calls.note($0) }
        _ = try await Replicator(from: source, to: device, options: options).run()
        #expect(await device.leaves() == server.leaves())
        #expect(calls.fetches == 0)
        // Asked again when it is not empty any more: news go page by page until they are seen to be news.
        try await fill(server, 25, prefix: "e")
        _ = try await Replicator(from: source, to: device, options: options).run()
        #expect(await device.leaves() == server.leaves())
        #expect(calls.fetches > 0)
    }

    @Test func `documents with attachments are read by themselves`() async throws {
        try await fill(server, 10)
        let photo = ReplicatedAttachment(name: "p", contentType: "image/png", revisionPosition: 1, content: [1, 2])
        let path = RevisionPath(start: 1, hashes: [.digest(1, 2)])
        let document = ReplicatedDocument(id: DocumentID(stored: "photo"), path: path, attachments: [photo])
        #expect(try await server.write([document]).isEmpty)
        _ = try await Replicator(from: server, to: device).run()
        let asked = [FetchRequest(id: document.id, revision: path.revision)]
        #expect(await device.fetch(asked) == [.document(document)])
        #expect(await device.leaves() == server.leaves())
    }

    @Test func `a second run begins where the first ended`() async throws {
        try await fill(server, 10)
        _ = try await Replicator(from: server, to: device).run()
        try await fill(server, 3, prefix: "e")
        let result = try await Replicator(from: server, to: device).run()
        #expect(result.since == UpdateSequence(10))
        #expect(result.statistics.changesRead == 3)
        #expect(result.statistics.documentsWritten == 3)
        #expect(await device.leaves() == server.leaves())
    }

    @Test func `a target that was made anew gets everything again`() async throws {
        try await fill(server, 5)
        _ = try await Replicator(from: server, to: device).run()
        let another = MemoryReplica(identity: "device")
        let result = try await Replicator(from: server, to: another).run()
        #expect(result.since == .beginning)
        #expect(await another.leaves() == server.leaves())
    }

    @Test func `conflicts are kept and resolved alike on both sides`() async throws {
        let id = DocumentID(stored: "a")
        let base = try await server.put(id, ["n": 0])
        _ = try await Replicator(from: server, to: device).run()
        try await server.put(id, ["n": 1, "_rev": .string(base.description)])
        try await device.put(id, ["n": 2, "_rev": .string(base.description)])
        _ = try await Replicator(from: server, to: device).run()
        _ = try await Replicator(from: device, to: server).run()
        #expect(await device.leaves() == server.leaves())
        #expect(await device.conflicts(of: id).count == 1)
        #expect(await device.document(id) == server.document(id))
    }

    @Test func `a filter by ids brings these documents alone`() async throws {
        try await fill(server, 10)
        var options = ReplicationOptions()
        options.filter = .documents([DocumentID(stored: "d3"), DocumentID(stored: "d7")])
        _ = try await Replicator(from: server, to: device, options: options).run()
        #expect(Set(await device.leaves().keys.map(\.text)) == ["d3", "d7"])
        // Another filter is another replication, with a checkpoint of its own.
        _ = try await Replicator(from: server, to: device).run()
        #expect(await device.leaves() == server.leaves())
    }

    @Test func `attachments come along and are not sent twice`() async throws {
        let id = DocumentID(stored: "a")
        try await server.put(id, ["_attachments": ["x": ["data": "aGVsbG8="]]])
        _ = try await Replicator(from: server, to: device).run()
        #expect(await device.attachment("x", of: id) == Array("hello".utf8))
        let present = try #require(await server.document(id)?.objectValue)
        try await server.put(id, present.merging(["n": 1]))
        _ = try await Replicator(from: server, to: device).run()
        #expect(await device.document(id)?["n"] == 1)
        #expect(await device.attachment("x", of: id) == Array("hello".utf8))
    }

    @Test func `a refused document is reported and the rest goes on`() async throws {
        try await fill(server, 6)
        let target = FaultyReplica(device) { call in
            guard case .write(let documents) = call else { return .proceed }
            return .refuse(documents.map(\.id).filter { $0.text == "d2" || $0.text == "d4" }, .forbidden("not yours"))
        }
        let reports = Mutex<[WriteFailure]>([])
        let result = try await Replicator(from: server, to: target).run { progress in
            reports.withLock { $0 += progress.failures }
        }
        #expect(Set(reports.withLock { $0 }.map(\.id.text)) == ["d2", "d4"])
        #expect(reports.withLock { $0 }.allSatisfy { $0.error == .forbidden("not yours") })
        #expect(result.statistics.writeFailures == 2)
        #expect(result.statistics.documentsWritten == 4)
        #expect(await device.leaves().count == 4)
    }

    @Test func `a failure that may pass is tried again after a growing pause`() async throws {
        try await fill(server, 20)
        let clock = RecordingClock()
        let target = FaultyReplica(device, failing: 3, with: TransportError("the line is down"))
        var options = ReplicationOptions()
        options.batchSize = 4
        // One batch at a time: two that are under way together may both fail before one pause.
        options.batchesInFlight = 1
        _ = try await Replicator(from: server, to: target, options: options, clock: clock).run()
        #expect(await device.leaves() == server.leaves())
        let pauses = clock.pauses
        #expect(pauses.count == 3)
        for (index, pause) in pauses.enumerated() {
            let whole = options.retry.firstPause * (1 << index)
            #expect(pause <= whole && pause >= whole / 2)
        }
    }

    @Test func `a one-shot replication gives up after the limit`() async throws {
        try await fill(server, 1)
        let clock = RecordingClock()
        let source = FaultyReplica(server, failing: 100, with: CouchError.unavailable("full"))
        await #expect(throws: CouchError.unavailable("full")) {
            try await Replicator(from: source, to: device, clock: clock).run()
        }
        #expect(clock.pauses.count == RetryPolicy().attemptLimit - 1)
    }

    @Test(arguments: [CouchError.unauthorized("who are you"), .noDatabase, .badRequest("what")])
    func `a failure that will not pass ends it at once`(error: CouchError) async throws {
        let clock = RecordingClock()
        let source = FaultyReplica(server, failing: 1, with: error)
        await #expect(throws: error) { try await Replicator(from: source, to: device, clock: clock).run() }
        #expect(clock.pauses.isEmpty)
    }

    @Test func `a live replication goes on until it is cancelled`() async throws {
        try await fill(server, 3)
        var options = ReplicationOptions()
        options.isLive = true
        let (idle, signal) = AsyncStream.makeStream(of: Int.self)
        let replicator = Replicator(from: server, to: device, options: options)
        let running = Task {
            try await replicator.run { progress in
                if case .idle = progress.state { signal.yield(progress.statistics.documentsWritten) }
            }
        }
        var written = idle.makeAsyncIterator()
        while let count = await written.next(), count < 3 {}
        #expect(await device.leaves() == server.leaves())
        try await fill(server, 2, prefix: "e")
        while let count = await written.next(), count < 5 {}
        #expect(await device.leaves() == server.leaves())
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
    }

    @Test func `a checkpoint covers nothing that is not written`() async throws {
        try await fill(server, 40)
        let known = Mutex<Set<DocumentID>>([])
        // Each checkpoint is compared with what the target holds at that moment.
        let target = FaultyReplica(device) { [server, device] call in
            guard case .putLocal(let document) = call, let through = document.body["source_last_seq"]?.intValue else {
                return .proceed
            }
            let rows = try? await server.changes(ChangesRequest(limit: 1_000)).rows
            let covered = (rows ?? []).filter { (Int($0.sequence?.text ?? "") ?? 0) <= through }.map(\.id)
            let held = Set(await device.leaves().keys)
            #expect(Set(covered).isSubset(of: held))
            known.withLock { $0.formUnion(covered) }
            return .proceed
        }
        var options = ReplicationOptions()
        options.batchSize = 3
        options.batchesInFlight = 4
        options.batchesPerCheckpoint = 2
        _ = try await Replicator(from: server, to: target, options: options).run()
        #expect(known.withLock { $0 }.count == 40)
    }
}

/// A source that reads some revisions at once, whatever it is asked for.
private struct Reading: ForwardingReplica {
    let base: MemoryReplica
    let atOnce: Int

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        await base.fetch(Array(requests.prefix(atOnce)))
    }
}

/// Counts what a replica was asked.
private final class CallLog: Sendable {
    private let count = Mutex(0)

    /// How often documents were read.
    var fetches: Int { count.withLock { $0 } }

    func note(_ call: FaultyReplica.Call) -> FaultyReplica.Verdict {
        if case .fetch = call { count.withLock { $0 += 1 } }
        return .proceed
    }
}
