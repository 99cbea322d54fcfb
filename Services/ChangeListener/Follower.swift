import ControlStore
import DocumentStore
import Logging

/// Follows the committed changes of one database, in order, from a position that is kept in PostgreSQL.
///
/// Of all processes one at a time follows, the one with the lease; another takes over when it dies. Each stretch of
/// changes is handled together with the move of the position, so nothing is left out, and nothing is handled twice
/// where the handling is part of the same transaction.
struct Follower: Sendable {
    /// Names the follower among all, such as `publisher` or `listener/field-service/push-work-orders`.
    let name: String
    let database: String
    let control: ControlStore
    let store: DocumentStore
    let signals: CommitSignals
    /// Names this process.
    let holder: String
    let logger: Logger
    /// Whether one that has never been here begins with the present end instead of the beginning.
    let startsNow: Bool
    /// Whether one that begins before the change log does reads the documents that were last changed there, as they
    /// are, whoever wrote them.
    let readsBehindLog: Bool
    /// How long the lease lasts when nobody renews it.
    var lease = Duration.seconds(10)
    /// How often the lease is renewed.
    var renewal = Duration.seconds(3)

    /// How long it waits at first for the process that has the lease, and gives it back in a moment or has died.
    private static let firstTurn = Duration.milliseconds(250)
    /// How long it waits after a failure.
    private static let pause = Duration.seconds(1)
    private static let stretch = 500
    /// How long it lets changes gather behind a stretch that was not full: many small stretches cost more than a few.
    private static let gathering = Duration.milliseconds(5)

    /// Handles changes and moves the position to the last of them, under the lease.
    typealias Handler = @Sendable ([CommittedChange], Database, Position, Lease) async throws -> Void

    /// Follows until the task is cancelled.
    func run(_ handle: @escaping Handler) async {
        var turn = Self.firstTurn
        while !Task.isCancelled {
            do {
                guard let held = try await control.acquireLease(leaseName, holder: holder, for: lease) else {
                    try await Task.sleep(for: turn)
                    turn = min(turn * 2, renewal)
                    continue
                }
                turn = Self.firstTurn
                try await follow(under: held, handle)
            } catch is CancellationError {
                break
            } catch is LeaseLost {
                logger.notice("Another process follows now", metadata: ["follower": "\(name)"])
            } catch {
                logger.warning(
                    "Changes could not be followed",
                    metadata: ["follower": "\(name)", "database": "\(database)", "error": "\(error)"]
                )
                try? await Task.sleep(for: Self.pause)
            }
        }
        // Not in this task, which is cancelled.
        await Task { await giveBack() }.value
    }

    private var leaseName: String { Lease.name(of: name, in: database) }

    private func follow(under held: Lease, _ handle: @escaping Handler) async throws {
        let database = try await store.database(database)
        var position = try await start(in: database, under: held)
        var renewed = ContinuousClock.now
        // What is older than the change log; the pruner lets nothing go that this follower still has to read.
        var logStart = readsBehindLog ? try await store.startOfChangeLog(of: database) : 0
        let signals = signals.signals(of: database.name)
        var signal = signals.makeAsyncIterator()
        while true {
            try Task.checkCancellation()
            if renewed.duration(to: .now) > renewal {
                try await renew(held)
                renewed = .now
            }
            let changes =
                position.seq < logStart
                ? try await store.unloggedChanges(in: database, since: position.seq, limit: Self.stretch)
                : try await store.committedChanges(in: database, since: position.seq, limit: Self.stretch)
            guard let last = changes.last else {
                guard logStart == 0 else {
                    logStart = 0
                    continue
                }
                guard await signal.next() != nil else { throw CancellationError() }
                // The database may have been made anew under the same name.
                if try await store.database(database.name).incarnation != database.incarnation { return }
                continue
            }
            let next = Position(incarnation: database.originalIncarnation, seq: last.seq)
            try await keeping(held) { try await handle(changes, database, next, held) }
            position = next
            if changes.count < Self.stretch { try await Task.sleep(for: Self.gathering) }
        }
    }

    /// Does something that may take longer than the lease lasts, and ends it when the lease is lost.
    ///
    /// Otherwise every process would lose the lease over the same changes, and none would get past them.
    private func keeping(_ held: Lease, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: renewal)
                    try await renew(held)
                }
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    private func renew(_ held: Lease) async throws {
        guard try await control.acquireLease(leaseName, holder: holder, for: lease) == held else {
            throw LeaseLost(held)
        }
    }

    /// Where to go on; a position in an earlier database of that name means its beginning. (One that was restored was
    /// restored with its positions.)
    private func start(in database: Database, under lease: Lease) async throws -> Position {
        let known = try await control.position(of: name, in: database.name)
        if let known, known.incarnation == database.originalIncarnation { return known }
        // What was written to a database that was made anew was written while this follower was there.
        let seq = startsNow && known == nil ? try await store.info(database).updateSeq : 0
        let position = Position(incarnation: database.originalIncarnation, seq: seq)
        try await control.advance(name, in: database.name, to: position, under: lease)
        return position
    }

    private func giveBack() async {
        // Best effort: a lease that is not given back ends by itself.
        guard let held = try? await control.acquireLease(leaseName, holder: holder, for: lease) else { return }
        try? await control.release(held)
    }
}
