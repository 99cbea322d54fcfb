import CouchProtocol
import Synchronization

/// Gathers the writes of one database that arrive while another commit is under way into the next commit.
///
/// A commit costs a flush of PostgreSQL's log, however much is in it; and the counter of the database lets one commit
/// through at a time anyway. So nobody waits for company: the first write goes at once, and the others go together as
/// soon as it is done.
actor CommitQueue {
    /// One caller's edits.
    struct Request: Sendable {
        let database: Database
        let edits: [DocumentEdit]
        let caller: Caller
        let traceID: String?
        /// What validation functions said; nil as long as none was asked.
        var verdicts: Verdicts?
    }

    /// How many edits and bytes of bodies one commit takes at most, unless a single request has more.
    private static let editLimit = 2_000
    private static let byteLimit = 16 << 20
    /// How many requests, and how many bytes of theirs, may wait: when PostgreSQL is slower than the writers, they are
    /// told so, instead of filling the memory.
    private static let waitingLimit = 10_000
    private static let waitingByteLimit = 256 << 20

    private struct Waiting {
        let request: Request
        let bytes: Int
        let continuation: CheckedContinuation<[EditOutcome], any Error>
    }

    private var waiting: [Waiting] = []
    private var waitingBytes = 0
    private var isCommitting = false
    private let commit: @Sendable ([Request]) async -> [Result<[EditOutcome], any Error>]

    /// A queue that commits by that function, which answers each request in their order.
    init(commit: @escaping @Sendable ([Request]) async -> [Result<[EditOutcome], any Error>]) {
        self.commit = commit
    }

    /// Commits the request, with whatever else waits.
    ///
    /// - Throws: 503 when too much waits already.
    func submit(_ request: Request) async throws -> [EditOutcome] {
        let bytes = request.edits.reduce(0) { $0 + $1.body.bytes.count }
        // A queue that is empty takes anything, so that no request is too large for ever.
        let isFull = waiting.count >= Self.waitingLimit || waitingBytes + bytes > Self.waitingByteLimit
        guard waiting.isEmpty || !isFull else {
            throw CouchError.unavailable("The database has more writes waiting than it can take. Try again later.")
        }
        waitingBytes += bytes
        return try await withCheckedThrowingContinuation { continuation in
            waiting.append(Waiting(request: request, bytes: bytes, continuation: continuation))
            guard !isCommitting else { return }
            isCommitting = true
            // Not the caller's task: its cancellation must not end the commit of others.
            Task { await drain() }
        }
    }

    private func drain() async {
        while !waiting.isEmpty {
            let batch = nextBatch()
            let results = await commit(batch.map(\.request))
            for (entry, result) in zip(batch, results) { entry.continuation.resume(with: result) }
        }
        isCommitting = false
    }

    /// The oldest requests, up to the limits and up to the first that writes a document that is in the batch already:
    /// two callers' changes of one document are two changes, with a number each.
    private func nextBatch() -> [Waiting] {
        var bytes = 0
        var ids: Set<DocumentID> = []
        var count = 0
        for entry in waiting {
            let own = entry.request.edits.map(\.id)
            bytes += entry.bytes
            let fits = ids.count + own.count <= Self.editLimit && bytes <= Self.byteLimit && ids.isDisjoint(with: own)
            guard count == 0 || fits else { break }
            ids.formUnion(own)
            count += 1
        }
        defer { waiting.removeFirst(count) }
        waitingBytes -= waiting[..<count].reduce(0) { $0 + $1.bytes }
        return Array(waiting[..<count])
    }
}

/// The queue of each database.
final class CommitQueues: Sendable {
    private let queues = Mutex<[Int32: CommitQueue]>([:])

    /// The queue of the database, made by `make` where there is none.
    func queue(of database: Database, make: () -> CommitQueue) -> CommitQueue {
        queues.withLock { queues in
            if let queue = queues[database.id] { return queue }
            let queue = make()
            queues[database.id] = queue
            return queue
        }
    }
}
