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

    private static let lease = Duration.seconds(10)
    private static let renewal = Duration.seconds(3)
    /// How long it waits after a failure.
    private static let pause = Duration.seconds(1)
    private static let stretch = 500
    /// How long it lets changes gather behind a stretch that was not full: many small stretches cost more than a few.
    private static let gathering = Duration.milliseconds(5)

    /// Handles changes and moves the position to the last of them, under the lease.
    typealias Handler = @Sendable ([CommittedChange], Database, Position, Lease) async throws -> Void

    /// Follows until the task is cancelled.
    func run(_ handle: Handler) async {
        while !Task.isCancelled {
            do {
                guard let lease = try await control.acquireLease(leaseName, holder: holder, for: Self.lease) else {
                    try await Task.sleep(for: Self.renewal)
                    continue
                }
                try await follow(under: lease, handle)
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

    private var leaseName: String { "\(name)@\(database)" }

    private func follow(under lease: Lease, _ handle: Handler) async throws {
        let database = try await store.database(database)
        var position = try await start(in: database, under: lease)
        var renewed = ContinuousClock.now
        let signals = signals.signals(of: database.name)
        var signal = signals.makeAsyncIterator()
        while true {
            try Task.checkCancellation()
            if renewed.duration(to: .now) > Self.renewal {
                guard try await control.acquireLease(leaseName, holder: holder, for: Self.lease) == lease else {
                    throw LeaseLost(lease)
                }
                renewed = .now
            }
            let changes = try await store.committedChanges(in: database, since: position.seq, limit: Self.stretch)
            guard let last = changes.last else {
                guard await signal.next() != nil else { throw CancellationError() }
                // The database may have been made anew under the same name.
                if try await store.database(database.name).incarnation != database.incarnation { return }
                continue
            }
            let next = Position(incarnation: database.originalIncarnation, seq: last.seq)
            try await handle(changes, database, next, lease)
            position = next
            if changes.count < Self.stretch { try await Task.sleep(for: Self.gathering) }
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
        guard let lease = try? await control.acquireLease(leaseName, holder: holder, for: Self.lease) else { return }
        try? await control.release(lease)
    }
}
