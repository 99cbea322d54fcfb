/// Brings what one replica has to another, as CouchDB's replication protocol has it, once or for as long as it runs.
///
/// A document that the target refuses is counted and reported, and the rest goes on. A side that cannot be reached is
/// tried again after a growing pause, from the last place that is known to be on the target. Cancelling the task that
/// runs it ends it at once; nothing that it had not recorded is lost by that, only done again.
package struct Replicator: Sendable {
    private let source: any Replica
    private let target: any Replica
    private let options: ReplicationOptions
    private let clock: any Clock<Duration>

    /// A replication from a source to a target.
    package init(
        from source: any Replica,
        to target: any Replica,
        options: ReplicationOptions = ReplicationOptions(),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.source = source
        self.target = target
        self.options = options
        self.clock = clock
    }

    /// Runs the replication until all is on the target, or, when it is live, until the task is cancelled.
    ///
    /// - Parameter report: Called with what has been done, after each batch and each change of state, in order.
    @concurrent
    package func run(
        report: @Sendable (ReplicationProgress) -> Void = { _ in }
    ) async throws -> ReplicationResult {
        var failures = 0
        var session: ReplicationSession?
        while true {
            var before = session?.completedThrough
            do {
                var running: ReplicationSession
                if let session { running = session } else { running = try await start() }
                before = running.completedThrough
                defer { session = running }
                // What a run that was cut off has brought can be lost before the next one begins.
                if running.completedThrough == .beginning {
                    let info = try await target.info()
                    running.targetHolds = info.documentCount + info.deletedCount > 0
                }
                return try await running.run(report: report)
            } catch {
                // What was brought over since the last failure counts as a success.
                if session?.completedThrough != before { failures = 0 }
                failures += 1
                guard RetryPolicy.mayPass(error), !Task.isCancelled,
                    options.isLive && options.retry.isEndlessWhenLive || failures < options.retry.attemptLimit
                else { throw error }
                let pause = options.retry.pause(afterFailures: failures, jitter: .random(in: 0...1))
                report(
                    ReplicationProgress(
                        state: .waiting(for: pause, failure: error),
                        statistics: session?.statistics ?? ReplicationStatistics(),
                        pending: nil,
                        failures: [],
                        completedThrough: session?.completedThrough ?? .beginning
                    )
                )
                try await clock.sleep(for: pause)
            }
        }
    }

    /// Everything up to here is on the target, as the target alone remembers; nil when it remembers nothing.
    package func recordedSequence() async throws -> UpdateSequence? {
        let document = try await target.localDocument(try await checkpoints().id)
        return document.flatMap { Checkpoint(document: $0.body).history.first?.recordedSequence }
    }

    /// Brings one document over as it is now, whatever was brought over before, and records no place.
    ///
    /// - Returns: Its revisions that could not be read or written for what they are.
    package func bring(_ id: DocumentID) async throws -> [WriteFailure] {
        var page = try await source.changes(ChangesRequest(limit: 100, filter: .documents([id])))
        // A server that passes over the filter names whatever it has.
        page.rows.removeAll { $0.id != id }
        return try await BatchTransfer(source: source, target: target).run(page).failures
    }

    private func checkpoints() async throws -> CheckpointStore {
        let id = ReplicationID.compute(
            source: try await source.identity,
            target: try await target.identity,
            filter: options.filter
        )
        return CheckpointStore(source: source, target: target, id: id)
    }

    private func start() async throws -> ReplicationSession {
        let checkpoints = try await checkpoints()
        try await options.prepare? { sequence in
            let digits = RevisionHash.digest(.random(in: .min ... .max), .random(in: .min ... .max))
            var session = Checkpoint.Session(id: digits.description, startSequence: sequence)
            session.recordedSequence = sequence
            try await checkpoints.save(session)
        }
        let known = try await checkpoints.read()
        let since = Checkpoint.common(source: known.source, target: known.target)
        return ReplicationSession(
            source: source,
            target: target,
            options: options,
            checkpoints: checkpoints,
            since: since
        )
    }
}
