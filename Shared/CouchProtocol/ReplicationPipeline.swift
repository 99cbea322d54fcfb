/// What a replication does next, as a machine that is told what happened and says what to do; it does nothing itself.
///
/// Pages of changes are read ahead of the batches that are being written; batches may end in any order, and a
/// checkpoint covers only the unbroken run of those that have ended. So a replication that is cut off anywhere
/// begins again at a place in front of everything that is not on the target.
///
/// ```
///          read page ──► batch ──► done ┐
///   ▲          │                        ├─► unbroken run ──► checkpoint
///   └──────────┘ (while few batches)    ┘
/// ```
struct ReplicationPipeline {
    /// What the machine asks for.
    enum Action: Equatable {
        /// Read the changes behind a place; if `waits`, only return when there are some, or after a while.
        case readPage(since: UpdateSequence, waits: Bool)
        /// Bring the changes of a page to the target.
        case process(batch: Int, ChangesPage)
        /// Record on both sides that all up to here is on the target.
        case saveCheckpoint(UpdateSequence)
        /// There is nothing more to do.
        case finish
    }

    /// How far the pages are read.
    private enum Reading: Equatable {
        case idle
        case inProgress(waits: Bool)
        /// A one-shot replication has read the last page.
        case ended
    }

    private struct Batch {
        let number: Int
        let end: UpdateSequence
        var isDone: Bool
    }

    private let isLive: Bool
    private let pageSize: Int
    private let batchesInFlight: Int
    private let batchesPerCheckpoint: Int

    private var reading = Reading.idle
    /// Behind the last page that was read.
    private var readThrough: UpdateSequence
    /// Whether the last page was the end of what there was.
    private var isAtEnd = false
    /// The batches that are not part of the unbroken run, oldest first.
    private var batches: [Batch] = []
    private var nextBatch = 0
    private var doneSinceCheckpoint = 0
    private var isSaving = false
    private var isFinished = false

    /// Everything up to here is on the target.
    private(set) var completedThrough: UpdateSequence
    /// Everything up to here is on the target, and both sides know.
    private(set) var savedThrough: UpdateSequence

    /// A machine that begins behind a place.
    ///
    /// - Parameters:
    ///   - since: Where all before is on the target.
    ///   - savedThrough: Where all before is on the target and both sides know.
    ///   - options: How the replication is carried out.
    init(since: UpdateSequence, savedThrough: UpdateSequence, options: ReplicationOptions) {
        isLive = options.isLive
        pageSize = options.batchSize
        batchesInFlight = options.batchesInFlight
        batchesPerCheckpoint = options.batchesPerCheckpoint
        readThrough = since
        completedThrough = since
        self.savedThrough = savedThrough
    }

    /// Whether nothing is being brought over: a live replication that waits for changes.
    var isIdle: Bool { batches.isEmpty && isAtEnd }

    /// What to do at the start.
    mutating func start() -> [Action] {
        next()
    }

    /// A page was read.
    mutating func pageRead(_ page: ChangesPage) -> [Action] {
        guard case .inProgress(let waited) = reading else { preconditionFailure("a page that was not asked for") }
        readThrough = page.lastSequence
        isAtEnd = page.pending.map { $0 == 0 } ?? (waited || page.rows.count < pageSize)
        reading = isAtEnd && !isLive ? .ended : .idle
        var actions: [Action] = []
        let batch = Batch(number: nextBatch, end: page.lastSequence, isDone: page.rows.isEmpty)
        nextBatch += 1
        batches.append(batch)
        if !page.rows.isEmpty { actions.append(.process(batch: batch.number, page)) }
        advance()
        return actions + next()
    }

    /// A batch is on the target.
    mutating func batchDone(_ number: Int) -> [Action] {
        guard let index = batches.firstIndex(where: { $0.number == number && !$0.isDone }) else {
            preconditionFailure("a batch that was not being processed")
        }
        batches[index].isDone = true
        advance()
        return next()
    }

    /// Both sides have recorded a checkpoint.
    mutating func checkpointSaved(_ sequence: UpdateSequence) -> [Action] {
        precondition(isSaving, "a checkpoint that was not asked for")
        isSaving = false
        savedThrough = sequence
        return next()
    }

    private mutating func advance() {
        while let first = batches.first, first.isDone {
            completedThrough = first.end
            doneSinceCheckpoint += 1
            batches.removeFirst()
        }
    }

    private mutating func next() -> [Action] {
        guard !isFinished else { return [] }
        var actions: [Action] = []
        if reading == .idle, batches.count < batchesInFlight {
            let waits = isLive && isAtEnd
            reading = .inProgress(waits: waits)
            actions.append(.readPage(since: readThrough, waits: waits))
        }
        let hasPaused = batches.isEmpty && isAtEnd
        if !isSaving, completedThrough != savedThrough, hasPaused || doneSinceCheckpoint >= batchesPerCheckpoint {
            isSaving = true
            doneSinceCheckpoint = 0
            actions.append(.saveCheckpoint(completedThrough))
        }
        if reading == .ended, batches.isEmpty, !isSaving, completedThrough == savedThrough {
            isFinished = true
            actions.append(.finish)
        }
        return actions
    }
}
