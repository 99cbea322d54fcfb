import CouchProtocol
import Foundation
import Synchronization

/// One sync of a device's database with a server, both ways or one.
struct SyncRun: Sendable {
    let device: SQLiteReplica
    let server: any Replica
    let options: SyncOptions
    /// Says each login.
    let logins: ChangeSignal
    let report: @Sendable (SyncProgress) -> Void

    /// Runs until all is in step, or, when it is live, until the task is cancelled.
    ///
    /// What was done on the device goes first, so that what the server decides about it comes back with the rest.
    @concurrent
    func run() async throws -> SyncResult {
        guard options.isLive else {
            var result = SyncResult()
            for direction in [SyncDirection.push, .pull] where options.directions.contains(direction) {
                result += try await run(direction)
            }
            return result
        }
        return try await withThrowingTaskGroup(of: SyncResult.self) { group in
            for direction in options.directions { group.addTask { try await run(direction) } }
            return try await group.reduce(into: SyncResult()) { $0 += $1 }
        }
    }

    /// One way; a live one waits for the next login when the session has ended.
    private func run(_ direction: SyncDirection) async throws -> SyncResult {
        let progress = ProgressCount(direction: direction, isLive: options.isLive)
        while true {
            let later = logins.subscribe()
            do {
                let result = try await replicator(direction).run { report(progress.next($0)) }
                return SyncResult(result.statistics, direction)
            } catch let error as CouchError where error.status == 401 && options.isLive {
                report(progress.paused)
                for await _ in later { break }
                try Task.checkCancellation()
            }
        }
    }

    private func replicator(_ direction: SyncDirection) -> Replicator {
        switch direction {
        case .push:
            Replicator(
                from: DeviceSource(device: device),
                to: PushTarget(server: server, device: device),
                options: options.replication(direction)
            )
        case .pull: Replicator(from: server, to: device, options: options.replication(direction))
        }
    }
}

extension SyncOptions {
    fileprivate func replication(_ direction: SyncDirection) -> ReplicationOptions {
        var replication = ReplicationOptions()
        replication.isLive = isLive
        replication.batchSize = min(max(batchSize, 1), 10_000)
        replication.batchesInFlight = min(max(batchesLimit, 1), 16)
        replication.retry.attemptLimit = max(attempts, 1)
        replication.retry.longestPause = longestPause
        replication.wait = wait
        replication.timestamp = { Date().formatted(.iso8601) }
        if let documents {
            replication.filter = .documents(documents.map { DocumentID(stored: $0) })
        } else if let filter, direction == .pull {
            replication.filter = .function(filter, parameters: filterParameters)
        }
        return replication
    }
}

extension SyncResult {
    fileprivate init(_ statistics: ReplicationStatistics, _ direction: SyncDirection) {
        switch direction {
        case .push: (pushed, refused) = (statistics.documentsWritten, statistics.writeFailures)
        case .pull: (pulled, failed) = (statistics.documentsWritten, statistics.writeFailures)
        }
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
    private let direction: SyncDirection
    private let isLive: Bool
    private let counts = Mutex((current: 0, total: 0, base: 0))

    init(direction: SyncDirection, isLive: Bool) {
        self.direction = direction
        self.isLive = isLive
    }

    /// The report in the words of applications.
    func next(_ progress: ReplicationProgress) -> SyncProgress {
        let (current, total) = counts.withLock { counts in
            counts.current = max(counts.current, counts.base + progress.statistics.changesRead)
            counts.total = max(counts.total, counts.current + (progress.pending ?? 0))
            if case .idle = progress.state { counts.total = counts.current }
            return (counts.current, counts.total)
        }
        let state: SyncProgress.State =
            switch progress.state {
            case .active: .running
            case .idle: .upToDate
            case .waiting(let pause, let failure): .waiting(pause, reason: failure)
            }
        return SyncProgress(direction: direction, state: state, current: current, total: total, isLive: isLive)
    }

    /// The report of a sync that waits for a login; what comes afterwards counts on from here.
    var paused: SyncProgress {
        let (current, total) = counts.withLock { counts in
            counts.base = counts.current
            return (counts.current, counts.total)
        }
        return SyncProgress(direction: direction, state: .needsLogin, current: current, total: total, isLive: isLive)
    }
}
