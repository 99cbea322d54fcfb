import CouchProtocol
import JSON
import Synchronization

/// A replica that fails or refuses when it is told to, and is else the one that it stands before.
struct FaultyReplica: Replica {
    /// A call that may be made to fail.
    enum Call: Sendable {
        case info
        case changes
        case difference
        case fetch
        case write([ReplicatedDocument])
        case getLocal
        case putLocal(LocalDocument)
    }

    /// What becomes of a call.
    enum Verdict: Sendable {
        case proceed
        case fail(any Error)
        case refuse([DocumentID], CouchError)
        /// The call is carried out, and its answer is lost.
        case loseAnswer(any Error)
    }

    let base: any Replica
    let judge: @Sendable (Call) async -> Verdict

    init(_ base: any Replica, judge: @escaping @Sendable (Call) async -> Verdict) {
        self.base = base
        self.judge = judge
    }

    /// A replica whose first calls for documents fail.
    init(_ base: any Replica, failing count: Int, with error: any Error) {
        let remaining = Counter(count)
        self.init(base) { call in
            switch call {
            case .write, .changes: remaining.take() ? .fail(error) : .proceed
            default: .proceed
            }
        }
    }

    private func ask<Answer>(_ call: Call, _ body: () async throws -> Answer) async throws -> Answer {
        try await answer(to: await judge(call), body)
    }

    private func answer<Answer>(to verdict: Verdict, _ body: () async throws -> Answer) async throws -> Answer {
        switch verdict {
        case .proceed, .refuse: return try await body()
        case .fail(let error): throw error
        case .loseAnswer(let error):
            _ = try await body()
            throw error
        }
    }

    var identity: String { get async throws { try await base.identity } }

    func info() async throws -> ReplicaInfo { try await ask(.info) { try await base.info() } }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await ask(.changes) { try await base.changes(request) }
    }

    func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        guard let stream = try await ask(.changes, { try await base.changesStream(request) }) else { return nil }
        return ChangesStream { try await ask(.changes) { try await stream.next() } }
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await ask(.difference) { try await base.revisionsDifference(revisions) }
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        try await ask(.fetch) { try await base.fetch(requests) }
    }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        let verdict = await judge(.write(documents))
        if case .refuse(let ids, let error) = verdict {
            let refused = documents.filter { ids.contains($0.id) }
            let failures = try await base.write(documents.filter { !ids.contains($0.id) })
            return failures + refused.map { WriteFailure(id: $0.id, revision: $0.path.revision, error: error) }
        }
        return try await answer(to: verdict) { try await base.write(documents) }
    }

    func localDocument(_ name: String) async throws -> LocalDocument? {
        try await ask(.getLocal) { try await base.localDocument(name) }
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await ask(.putLocal(document)) { try await base.putLocalDocument(name, document) }
    }
}

/// A number of times.
final class Counter: Sendable {
    private let remaining: Mutex<Int>

    init(_ count: Int) {
        remaining = Mutex(count)
    }

    /// Whether it is still one of them.
    func take() -> Bool {
        remaining.withLock { remaining in
            guard remaining > 0 else { return false }
            remaining -= 1
            return true
        }
    }
}

/// A clock on which every pause is over at once and is remembered.
final class RecordingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    private let state = Mutex<(now: Instant, pauses: [Duration])>((Instant(offset: .zero), []))

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }
    /// The pauses that were made.
    var pauses: [Duration] { state.withLock { $0.pauses } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.pauses.append(state.now.duration(to: deadline))
            state.now = deadline
        }
    }
}
