import Testing

@testable import CouchProtocol

@Suite struct ReplicationPipelineTests {
    private func pipeline(live: Bool = false, inFlight: Int = 2, perCheckpoint: Int = 100) -> ReplicationPipeline {
        var options = ReplicationOptions()
        options.isLive = live
        options.batchSize = 2
        options.batchesInFlight = inFlight
        options.batchesPerCheckpoint = perCheckpoint
        return ReplicationPipeline(since: .beginning, savedThrough: .beginning, options: options)
    }

    private func page(_ numbers: Int..., last: Int? = nil, pending: Int? = nil) -> ChangesPage {
        ChangesPage(
            rows: numbers.map { ChangeRow(sequence: seq($0), id: DocumentID(stored: "\($0)"), revisions: []) },
            lastSequence: seq(last ?? numbers.last ?? 0),
            pending: pending
        )
    }

    private func seq(_ number: Int) -> UpdateSequence { UpdateSequence(number) }

    @Test func `an empty source is finished at once`() {
        var machine = pipeline()
        #expect(machine.start() == [.readPage(since: seq(0), waits: false)])
        #expect(machine.pageRead(page()) == [.finish])
    }

    @Test func `the next page is read while a batch is processed`() {
        var machine = pipeline()
        _ = machine.start()
        let first = page(1, 2)
        #expect(machine.pageRead(first) == [.process(batch: 0, first), .readPage(since: seq(2), waits: false)])
        let second = page(3, 4)
        // Two batches are under way: no more are read until one is done.
        #expect(machine.pageRead(second) == [.process(batch: 1, second)])
        #expect(machine.batchDone(0) == [.readPage(since: seq(4), waits: false)])
        #expect(machine.pageRead(page(last: 4)) == [])
        #expect(machine.batchDone(1) == [.saveCheckpoint(seq(4))])
        #expect(machine.checkpointSaved(seq(4)) == [.finish])
    }

    @Test func `a checkpoint waits for the batches before it`() {
        var machine = pipeline(inFlight: 3, perCheckpoint: 1)
        _ = machine.start()
        _ = machine.pageRead(page(1, 2))
        _ = machine.pageRead(page(3, 4))
        _ = machine.pageRead(page(5, 6))
        #expect(machine.batchDone(2) == [])
        #expect(machine.batchDone(1) == [])
        #expect(machine.completedThrough == seq(0))
        #expect(machine.batchDone(0) == [.readPage(since: seq(6), waits: false), .saveCheckpoint(seq(6))])
        #expect(machine.completedThrough == seq(6))
        #expect(machine.savedThrough == seq(0))
    }

    @Test func `one checkpoint is saved at a time`() {
        var machine = pipeline(perCheckpoint: 1)
        _ = machine.start()
        _ = machine.pageRead(page(1, 2))
        #expect(machine.batchDone(0) == [.saveCheckpoint(seq(2))])
        _ = machine.pageRead(page(3, 4))
        #expect(machine.batchDone(1) == [])
        #expect(machine.checkpointSaved(seq(2)) == [.saveCheckpoint(seq(4))])
    }

    @Test func `a live replication waits at the end and goes on`() {
        var machine = pipeline(live: true)
        _ = machine.start()
        let first = page(1, pending: 0)
        #expect(machine.pageRead(first) == [.process(batch: 0, first), .readPage(since: seq(1), waits: true)])
        #expect(!machine.isIdle)
        #expect(machine.batchDone(0) == [.saveCheckpoint(seq(1))])
        #expect(machine.isIdle)
        #expect(machine.checkpointSaved(seq(1)) == [])
        #expect(machine.pageRead(page(last: 1)) == [.readPage(since: seq(1), waits: true)])
        let second = page(2)
        #expect(machine.pageRead(second) == [.process(batch: 2, second), .readPage(since: seq(2), waits: true)])
    }

    @Test func `changes that concern nobody move the checkpoint`() {
        var machine = pipeline()
        _ = machine.start()
        #expect(machine.pageRead(page(last: 90)) == [.saveCheckpoint(seq(90))])
        #expect(machine.checkpointSaved(seq(90)) == [.finish])
    }

    @Test func `what was completed and not saved is saved by the next run`() {
        var machine = ReplicationPipeline(since: seq(8), savedThrough: seq(2), options: ReplicationOptions())
        #expect(machine.start() == [.readPage(since: seq(8), waits: false)])
        #expect(machine.pageRead(page(last: 8)) == [.saveCheckpoint(seq(8))])
    }

    @Test func `pauses grow to the longest and no further`() {
        let policy = RetryPolicy()
        var before = Duration.zero
        for failures in 1...60 {
            let pause = policy.pause(afterFailures: failures, jitter: 1)
            #expect(pause >= before && pause <= policy.longestPause)
            #expect(policy.pause(afterFailures: failures, jitter: 0) == pause / 2)
            before = pause
        }
        #expect(before == policy.longestPause)
    }
}
