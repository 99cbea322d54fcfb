import CouchProtocol
import Foundation
import JSON
import Synchronization

/// One sync of a device's database with a server, both ways or one.
struct SyncRun: Sendable {
    /// The database's name, as events tell it.
    let name: String
    let device: SQLiteReplica
    let server: any Replica
    let options: SyncOptions
    let control: SyncControl
    /// Whether nobody is logged in, who has no session and can at most read.
    var isOfNobody = false
    /// Decides about conflicts as they come; nil to leave them.
    var resolver: ConflictResolver?
    /// What the resolver is still to decide about.
    let conflicts = ConflictQueue()
    /// Its ways, each of which can be ended by itself.
    let ways = SyncWays()
    /// Whether nothing is being brought over.
    let rest = Rest(Set(SyncDirection.allCases))
    let report: @Sendable (SyncProgress) -> Void

    /// Runs until all is in step, or, when it is live, until the task is cancelled.
    ///
    /// What was done on the device goes first, so that what the server decides about it comes back with the rest.
    @concurrent
    func run() async throws -> SyncResult {
        // Whatever sync pushes an edit, the conflicts behind it are looked at again.
        if resolver != nil { device.pushed.add(conflicts) }
        defer { device.pushed.remove(conflicts) }
        let watch = ServerWatch(server, device: device, isPatient: options.isLive) { [name, control] in
            control.events.send(.databaseRemade(database: name))
        }
        let way = { @Sendable (direction: SyncDirection) in
            try await ways.run(direction) { try await run(direction, watch) }
        }
        guard options.isLive else {
            var (result, failure): (SyncResult, CouchError?) = (SyncResult(), nil)
            for direction in [SyncDirection.push, .pull] where options.directions.contains(direction) {
                do {
                    result += try await way(direction)
                } catch let error as CouchError {
                    // What cannot be pushed keeps nothing from coming, and that nobody may push is no failure of who
                    // only reads.
                    let isReader = isOfNobody && direction == .push && options.directions.contains(.pull)
                    if !isReader || error.status != 401 { failure = failure ?? error }
                }
            }
            if let failure { throw failure }
            if let resolver, options.directions.contains(.pull),
                try await resolve(nil, resolver, watch).resolved > 0, options.directions.contains(.push)
            {
                result += try await way(.push)
            }
            // Somebody waits for the result: a part of it now, and the rest behind the next sync.
            await shrink(atMost: Self.roomOfOne) { !control.isSuspended }
            return result
        }
        do {
            return try await runLive(watch, way)
        } catch  where !Task.isCancelled {
            control.events.send(.syncEnded(database: name, reason: "\(error)"))
            throw error
        }
    }

    /// All ways at once, and what goes along with them, until the ways have ended.
    private func runLive(
        _ watch: ServerWatch,
        _ way: @escaping @Sendable (SyncDirection) async throws -> SyncResult
    ) async throws -> SyncResult {
        // Before any of them comes to rest: that is told once.
        let resting = rest.subscribe()
        for direction in SyncDirection.allCases where !options.directions.contains(direction) {
            rest.note(direction, isResting: true)
        }
        return try await withThrowingTaskGroup(of: SyncResult.self) { group in
            for direction in options.directions {
                group.addTask {
                    defer { rest.note(direction, isResting: true) }
                    return try await way(direction)
                }
            }
            // None of these ends before it is cancelled.
            group.addTask {
                for await _ in resting { await shrink { rest.isResting && !control.isSuspended } }
                throw CancellationError()
            }
            if let resolver {
                let news = device.news.listen()
                group.addTask {
                    for await next in news { conflicts.add(next.conflicts) }
                    throw CancellationError()
                }
                group.addTask { try await resolve(resolver, watch) }
            }
            var result = SyncResult()
            for _ in options.directions { if let end = try await group.next() { result += end } }
            group.cancelAll()
            return result
        }
    }

    /// How many stretches of the file a sync that is not live gives back: some 32 MiB, which take a moment.
    private static let roomOfOne = 32

    /// Makes the device's file smaller where that is worth while; that it cannot be done is no failure of a sync.
    private func shrink(atMost stretches: Int = .max, while mayGoOn: @Sendable () -> Bool) async {
        try? await device.shrink(atMost: stretches, while: mayGoOn)
    }

    var database: FullSyncDatabase { FullSyncDatabase(name: name, replica: device) }

    /// One way; a live one waits for the next login when the session has ended, and each waits while it is suspended.
    private func run(_ direction: SyncDirection, _ watch: ServerWatch) async throws -> SyncResult {
        let progress = ProgressCount(direction: direction, isLive: options.isLive)
        var (result, remakes) = (SyncResult(), 0)
        while true {
            if control.isSuspended { report(progress.paused(.suspended)) }
            try await control.waitUntilResumed()
            let later = control.logins.subscribe()
            do {
                if let end = try await interruptible(direction, progress, watch) { return result + end }
            } catch is ServerWatch.Remade {
                // It begins again, with the checkpoints that are left; not at once where two servers answer in turns.
                if remakes > 0 {
                    let pause = options.replication(direction).retry.pause(
                        afterFailures: remakes,
                        jitter: .random(in: 0...1)
                    )
                    report(progress.paused(.waiting(pause, reason: "the server's database is another one again")))
                    try await Task.sleep(for: pause)
                }
                remakes += 1
            } catch let error as CouchError where error.status == 401 {
                if !isOfNobody { control.sessionEnded() }
                guard options.isLive || options.isPatient && !isOfNobody else { throw error }
                report(progress.paused(.needsLogin))
                for await _ in later { break }
                try Task.checkCancellation()
            }
            result += SyncResult(progress.statistics, direction)
        }
    }

    /// One way until it ends; nil when it was interrupted, because the application is suspended or asks to try at once,
    /// or because the other way has found the server's database made anew.
    private func interruptible(
        _ direction: SyncDirection,
        _ progress: ProgressCount,
        _ watch: ServerWatch
    ) async throws -> SyncResult? {
        progress.begin()
        let remade = watch.remade.subscribe()
        return try await withThrowingTaskGroup(of: SyncResult?.self) { group in
            let replicator = self.replicator(direction, watch)
            if direction == .pull, options.isLive {
                group.addTask {
                    while true {
                        try await Task.sleep(for: max(options.longestPause, .seconds(1)))
                        try await bringPassedOver(replicator, watch)
                    }
                }
            }
            group.addTask {
                if direction == .pull { try await bringPassedOver(replicator, watch) }
                let result = try await replicator.run { next in
                    switch next.state {
                    case .waiting(_, let error as CouchError) where error.isStorageFull: control.storageIsFull(of: name)
                    case .waiting(_, let failure): control.serverAnswers("\(failure)")
                    case .active, .idle:
                        control.serverAnswers(nil)
                        conflicts.serverAnswers()
                    }
                    rest.note(direction, isResting: next.state.isIdle)
                    if direction == .pull { tell(next.failures) }
                    report(progress.next(next))
                }
                return SyncResult(result.statistics, direction)
            }
            group.addTask {
                try await control.interruption { progress.isWaiting }
                return nil
            }
            group.addTask {
                for await _ in remade { return nil }
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// Tells an edit that the server refused, unless it is the resolver's: that one is taken back.
    private func refused(_ edit: FullSyncDatabase.RefusedEdit, _ watched: ServerWatch) async throws {
        let revision = try RevisionID(parsing: edit.revision)
        guard device.resolutions.refused(DocumentID(stored: edit.id), revision) else {
            return control.events.send(.editRefused(database: name, edit))
        }
        do {
            _ = try await database.takeBack(edit, from: watched)
        } catch let error as CouchError where !RetryPolicy.mayPass(error) && error.status != 401 {
            // What the server has cannot be had: the edit stays, as any that is refused.
            control.events.send(.editRefused(database: name, edit))
        }
    }

    func tell(_ failures: [WriteFailure]) {
        for failure in failures {
            let reason = "\(failure.error)"
            control.events.send(.documentNotTaken(database: name, document: failure.id.text, reason: reason))
        }
    }

    private func replicator(_ direction: SyncDirection, _ watched: ServerWatch) -> Replicator {
        switch direction {
        case .push:
            let target = PushTarget(server: watched, device: device) { try await refused($0, watched) }
            return Replicator(
                from: DeviceSource(device: device),
                to: target,
                options: options.replication(direction)
            )
        case .pull:
            var pull = options.replication(direction)
            let isOfAll = pull.filter == .none
            if isOfAll { pull.prepare = beginWhereFilePulled }
            if let since = options.since, !ways.hasBegunSince {
                pull.prepare = { begin in
                    try await begin(Int(since).map { UpdateSequence($0) } ?? UpdateSequence(since))
                    // No later pull goes on from the file's place, which this one did not have.
                    if isOfAll { try await device.forgetOrigin() }
                    ways.beganSince()
                }
            }
            let source: any Replica =
                isOfNobody
                ? PullSource(base: PublicSource(server: watched, device: device), device: device)
                : PullSource(base: watched, device: device)
            return Replicator(from: source, to: PullTarget(base: device, server: watched), options: pull)
        }
    }

    /// Lets the first pull of a database that came as a file go on where the file's pull had come to.
    @Sendable
    private func beginWhereFilePulled(_ begin: (UpdateSequence) async throws -> Void) async throws {
        guard let origin = try await device.origin() else { return }
        // In another incarnation of the server's database the place means nothing.
        if try await server.info().incarnation == origin.incarnation { try await begin(origin.sequence) }
        try await device.forgetOrigin()
    }
}

extension SyncOptions {
    func replication(_ direction: SyncDirection) -> ReplicationOptions {
        var replication = ReplicationOptions()
        replication.isLive = isLive
        replication.batchSize = min(max(batchSize, 1), 10_000)
        replication.batchesInFlight = min(max(batchesLimit, 1), 16)
        replication.retry.attemptLimit = isPatient ? .max : max(attempts, 1)
        replication.retry.isEndlessWhenLive = isEndless
        replication.retry.longestPause = longestPause
        // One that does not wait would ask again and again.
        replication.wait = max(wait, .seconds(1))
        replication.heartbeat = heartbeat.map { min(max($0, .seconds(1)), .seconds(60)) }
        replication.timestamp = { Date().formatted(.iso8601) }
        if let documents {
            replication.filter = .documents(documents.map { DocumentID(stored: $0) })
        } else if let filter, direction == .pull {
            replication.filter = .function(filter, parameters: filterParameters)
        } else if let selector, direction == .pull {
            replication.filter = .selector(.object(selector))
        }
        return replication
    }
}

extension ReplicationProgress.State {
    fileprivate var isIdle: Bool {
        guard case .idle = self else { return false }
        return true
    }
}

extension SyncResult {
    fileprivate init(_ statistics: ReplicationStatistics, _ direction: SyncDirection) {
        switch direction {
        case .push: (pushed, refused) = (statistics.documentsWritten, statistics.writeFailures)
        case .pull: (pulled, failed) = (statistics.documentsWritten, statistics.writeFailures)
        }
    }

    fileprivate static func + (lhs: SyncResult, rhs: SyncResult) -> SyncResult {
        var sum = lhs
        sum += rhs
        return sum
    }

    fileprivate static func += (lhs: inout SyncResult, rhs: SyncResult) {
        lhs.pulled += rhs.pulled
        lhs.pushed += rhs.pushed
        lhs.refused += rhs.refused
        lhs.failed += rhs.failed
    }
}

/// Counts what a replication reports into numbers that never go back.
private final class ProgressCount: Sendable {
    private struct Counts {
        var (current, total, base) = (0, 0, 0)
        var isWaiting = false
        var statistics = ReplicationStatistics()
    }

    private let direction: SyncDirection
    private let isLive: Bool
    private let counts = Mutex(Counts())

    init(direction: SyncDirection, isLive: Bool) {
        self.direction = direction
        self.isLive = isLive
    }

    /// What the replication that runs has done.
    var statistics: ReplicationStatistics { counts.withLock { $0.statistics } }

    /// Whether it waits before it tries again.
    var isWaiting: Bool { counts.withLock { $0.isWaiting } }

    /// Another replication begins, whose changes are counted on.
    func begin() {
        counts.withLock { counts in
            (counts.base, counts.isWaiting, counts.statistics) = (counts.current, false, ReplicationStatistics())
        }
    }

    /// The report in the words of applications.
    func next(_ progress: ReplicationProgress) -> SyncProgress {
        let state: SyncProgress.State =
            switch progress.state {
            case .active: .running
            case .idle: .upToDate
            case .waiting(let pause, let failure): .waiting(pause, reason: "\(failure)")
            }
        let (current, total) = counts.withLock { counts in
            counts.statistics = progress.statistics
            if case .waiting = state { counts.isWaiting = true } else { counts.isWaiting = false }
            counts.current = max(counts.current, counts.base + progress.statistics.changesRead)
            counts.total = max(counts.total, counts.current + (progress.pending ?? 0))
            if state == .upToDate { counts.total = counts.current }
            return (counts.current, counts.total)
        }
        return SyncProgress(direction: direction, state: state, current: current, total: total, isLive: isLive)
    }

    /// The report of a sync that stands still.
    func paused(_ state: SyncProgress.State) -> SyncProgress {
        let (current, total) = counts.withLock { ($0.current, $0.total) }
        return SyncProgress(direction: direction, state: state, current: current, total: total, isLive: isLive)
    }
}
