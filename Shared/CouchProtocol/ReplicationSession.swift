/// One run of a replication, from the checkpoint that it found to where it came; it can be taken up again after a
/// failure.
struct ReplicationSession {
    private let source: any Replica
    private let target: any Replica
    private let options: ReplicationOptions
    private let checkpoints: CheckpointStore
    private let since: UpdateSequence
    private var record: Checkpoint.Session
    private var pending: Int?
    /// Whether the target has documents already; matters to one that reads from the beginning.
    var targetHolds = false
    /// In which way the changes are read.
    private var reading = ChangesReading()

    /// What this run has done.
    private(set) var statistics = ReplicationStatistics()
    /// Everything up to here is on the target.
    private(set) var completedThrough: UpdateSequence
    /// Everything up to here is on the target, and both sides know.
    private var savedThrough: UpdateSequence

    private enum Event: Sendable {
        case pageRead(ChangesPage)
        case pageStreamed(ChangesPage)
        case streamOpened(ChangesStream, ChangesPage)
        case batchDone(Int, BatchTransfer.Outcome)
        case checkpointSaved(UpdateSequence)
    }

    init(
        source: any Replica,
        target: any Replica,
        options: ReplicationOptions,
        checkpoints: CheckpointStore,
        since: UpdateSequence
    ) {
        self.source = source
        self.target = target
        self.options = options
        self.checkpoints = checkpoints
        self.since = since
        completedThrough = since
        savedThrough = since
        let digits = RevisionHash.digest(.random(in: .min ... .max), .random(in: .min ... .max))
        record = Checkpoint.Session(
            id: digits.description,
            startSequence: since,
            startTime: options.timestamp?()
        )
    }

    /// Runs until there is nothing more to do, or something fails; then what was under way is cancelled.
    mutating func run(report: @Sendable (ReplicationProgress) -> Void) async throws -> ReplicationResult {
        var pipeline = ReplicationPipeline(since: completedThrough, savedThrough: savedThrough, options: options)
        // What was read behind the place is read again.
        reading.begin(fromNothing: completedThrough == .beginning && !targetHolds)
        defer { reading.stream = nil }
        return try await withThrowingTaskGroup(of: Event.self) { group in
            var actions = pipeline.start()
            while true {
                for action in actions {
                    if action == .finish { return result(through: pipeline.savedThrough) }
                    begin(action, in: &group)
                }
                guard let event = try await group.next() else {
                    preconditionFailure("a replication that waits for nothing")
                }
                actions = take(event, &pipeline, report)
                completedThrough = pipeline.completedThrough
                savedThrough = pipeline.savedThrough
            }
        }
    }

    private mutating func take(
        _ event: Event,
        _ pipeline: inout ReplicationPipeline,
        _ report: @Sendable (ReplicationProgress) -> Void
    ) -> [ReplicationPipeline.Action] {
        var failures: [WriteFailure] = []
        let wasIdle = pipeline.isIdle
        let actions: [ReplicationPipeline.Action]
        switch event {
        case .pageRead(let page):
            actions = read(reading.take(page, batchSize: options.batchSize), &pipeline)
        case .pageStreamed(let page):
            actions = read(reading.take(streamed: page, pending: pending), &pipeline)
        case .streamOpened(let stream, let page):
            reading.stream = stream
            actions = read(reading.take(streamed: page, pending: pending), &pipeline)
        case .batchDone(let number, let outcome):
            statistics += outcome.statistics
            reading.note(outcome.statistics)
            failures = outcome.failures
            actions = pipeline.batchDone(number)
        case .checkpointSaved(let sequence):
            return pipeline.checkpointSaved(sequence)
        }
        if case .pageRead = event, pipeline.isIdle, wasIdle { return actions }
        report(
            ReplicationProgress(
                state: pipeline.isIdle ? .idle : .active,
                statistics: statistics,
                pending: pending,
                failures: failures,
                completedThrough: pipeline.completedThrough
            )
        )
        return actions
    }

    private mutating func read(
        _ page: ChangesPage,
        _ pipeline: inout ReplicationPipeline
    ) -> [ReplicationPipeline.Action] {
        pending = page.pending ?? pending
        return pipeline.pageRead(page)
    }

    private mutating func begin(
        _ action: ReplicationPipeline.Action,
        in group: inout ThrowingTaskGroup<Event, any Error>
    ) {
        switch action {
        case .readPage(let since, let waits):
            var request = ChangesRequest(
                since: since,
                limit: options.batchSize,
                filter: options.filter,
                wait: waits ? options.wait : nil
            )
            request.heartbeat = options.heartbeat
            request.readerHolds = targetHolds && since == .beginning
            request.withDocuments = reading.wantsDocuments
            group.addTask { [source, request, reading] in try await Self.read(request, from: source, reading) }
        case .process(let batch, let page):
            let transfer = BatchTransfer(source: source, target: target)
            group.addTask { .batchDone(batch, try await transfer.run(page)) }
        case .saveCheckpoint(let sequence):
            record.recordedSequence = sequence
            record.statistics = statistics
            record.endTime = options.timestamp?()
            group.addTask { [checkpoints, record] in
                try await checkpoints.save(record)
                return .checkpointSaved(sequence)
            }
        case .finish: break
        }
    }

    private static func read(
        _ request: ChangesRequest,
        from source: any Replica,
        _ reading: ChangesReading
    ) async throws -> Event {
        if let stream = reading.stream {
            do {
                return .pageStreamed(try await page(of: stream))
            } catch  where RetryPolicy.mayPass(error) && !Task.isCancelled {
                // The answer has broken off, such as when writing a page took longer than a server waits: what comes
                // next is asked for by itself.
            }
        } else if reading.wantsStream, request.wait == nil, let stream = try await source.changesStream(request) {
            return .streamOpened(stream, try await page(of: stream))
        }
        return .pageRead(try await source.changes(request))
    }

    private static func page(of stream: ChangesStream) async throws -> ChangesPage {
        guard let page = try await stream.next() else { throw TransportError("the changes end before their last page") }
        return page
    }

    private func result(through: UpdateSequence) -> ReplicationResult {
        ReplicationResult(statistics: statistics, since: since, through: through)
    }
}
