import Contracts
import ControlStore
import FoundationInternationalization
import Logging
import Messaging
import Metrics
import Sequences
import ServiceLifecycle
import ServiceRuntime
import Telemetry

/// Takes the runs that are in line: claims the row, runs the sequence, writes down how it ended, acknowledges last.
struct RunConsumer: Service {
    let broker: MessageBroker
    let control: ControlStore
    let runner: SequenceRunner
    let policy: RetryPolicy
    let claims: ClaimKeeper
    let slots: RunSlots
    let logger: Logger

    /// How often a run is tried on the spot while PostgreSQL does not answer, and how long it waits between.
    private static let tries = 5
    private static let pause = Duration.milliseconds(500)

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withTaskCancellationHandler {
                try await broker.consume(QueueName.runs, prefetch: slots.count, concurrency: slots.count) { delivery in
                    await take(delivery)
                }
            } onCancel: {
                slots.close()
            }
        }
    }

    /// Works on the run of a message, when there is a place for it, and then on those that waited for the place.
    private func take(_ delivery: consuming Delivery) async {
        guard let ready = try? RunReady(body: delivery.message.body) else { return delivery.reject() }
        guard let line = await line(of: ready) else { return delivery.acknowledge() }
        var next: RunSlots.Candidate? = RunSlots.Candidate(run: ready.run, line: line)
        guard let first = next, slots.begin(first) else { return delivery.acknowledge() }
        await attend(to: first.run)
        // The others are no longer this message's matter: their rows are known without it.
        delivery.acknowledge()
        next = slots.end(first)
        while let run = next {
            await attend(to: run.run)
            next = slots.end(run)
        }
    }

    /// What made the run, which the row says where the message does not; nil when it is over, or cannot be looked up.
    private func line(of ready: RunReady) async -> RunLine? {
        if let line = ready.line { return line }
        for attempt in 1...Self.tries {
            do {
                return try await control.line(ofRun: ready.run)
            } catch {
                guard attempt < Self.tries, !Task.isCancelled else {
                    logger.warning("A run is left for later", metadata: ["run": "\(ready.run)", "error": "\(error)"])
                    break
                }
                try? await Task.sleep(for: Self.pause)
            }
        }
        return nil
    }

    /// Works on a run, if it is ready.
    ///
    /// What cannot be done now is left to its row, of which somebody is told again: a message that went back to its
    /// queue would use up its deliveries within a moment.
    private func attend(to run: String) async {
        for attempt in 1...Self.tries {
            do {
                return try await work(on: run)
            } catch {
                guard attempt < Self.tries, !Task.isCancelled else {
                    logger.warning("A run is left for later", metadata: ["run": "\(run)", "error": "\(error)"])
                    return
                }
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Works on a run, if it is ready.
    private func work(on id: String) async throws {
        guard let run = try await control.claim(run: id, worker: claims.worker, lease: claims.lease) else { return }
        guard run.isReadable else { return try await setAside(run, Self.unreadable) }
        guard run.losses < policy.losses else { return try await setAside(run, Self.lost(run.losses)) }
        let trace = TraceContext(traceID: run.traceID) ?? .makeRoot()
        try await TraceContext.$current.withValue(trace) {
            let began = ContinuousClock.now
            let next = try await claims.keeping(run) { @Sendable () -> [String]? in
                guard let end = try await attempt(run), let next = try await control.finish(run, end) else {
                    return nil
                }
                log(run, end, ContinuousClock.now - began)
                return next
            }
            await announce(next ?? [])
        }
    }

    private static let unreadable = Failure(
        code: "unreadable",
        message: "What the run was to work on cannot be read; it can be cancelled, and not be tried again."
    )

    private static func lost(_ workers: Int) -> Failure {
        Failure(
            code: "worker_lost",
            message: "\(workers) workers were lost with the run in hand; it may be what ends them."
        )
    }

    /// Ends a run that nobody can work on, or that takes its workers with it, so that it does not take the next one.
    private func setAside(_ run: ClaimedRun, _ failure: Failure) async throws {
        let end = RunEnd.failed(failure, holding: run.holds)
        let next = try await control.finish(run, end)
        log(run, end, .zero)
        await announce(next ?? [])
    }

    /// How the attempt ended; nil when the run is another worker's now.
    private func attempt(_ run: ClaimedRun) async throws -> RunEnd? {
        do {
            _ = try await runner.run(run)
            return .succeeded
        } catch let failure as SequenceFailure {
            return end(of: run, after: Failure(failure))
        } catch let uncertain as UncertainEffect {
            return .uncertain(uncertain.failure, holding: run.holds)
        } catch let cancelled as RunCancellations.Cancelled {
            return .cancelled(cancelled.failure)
        } catch is ClaimLost {
            logger.notice("Another worker has taken the run over", metadata: ["run": "\(run.id)"])
            return nil
        } catch is CancellationError {
            // This worker stops: the run is ready for another one at once. (Or it is this worker's no more, and then
            // nothing is written down.)
            return .retry(Failure(code: "stopped", message: "The worker stopped."), after: .zero, isCounted: false)
        } catch {
            return end(of: run, after: .system(error))
        }
    }

    private func end(of run: ClaimedRun, after failure: Failure) -> RunEnd {
        policy.end(
            after: failure,
            attempt: run.attempt,
            uncounted: run.uncounted,
            holding: run.holds,
            jitter: .random(in: 0...1)
        )
    }

    /// Tells workers of runs that may be ready now; they find those that they were not told of.
    private func announce(_ runs: [String]) async {
        do {
            try await broker.tellWorkers(of: runs)
        } catch {
            logger.info("The workers were not told of runs; they look for themselves", error: error)
        }
    }

    private func log(_ run: ClaimedRun, _ end: RunEnd, _ duration: Duration) {
        var metadata: Logger.Metadata = [
            "run": "\(run.id)", "sequence": "\(run.project)/\(run.sequence)", "cause": "\(run.cause.rawValue)",
            "attempt": "\(run.attempt)", "ms": "\(duration / .milliseconds(1))",
        ]
        Timer(label: "fullsync_run_duration", dimensions: [("end", end.label)]).record(duration: duration)
        switch end {
        case .succeeded: logger.info("Run succeeded", metadata: metadata)
        case .retry(let failure, let delay, _):
            metadata["code"] = "\(failure.code)"
            metadata["message"] = "\(failure.message)"
            logger.warning("Run failed; it is tried again in \(delay.formatted())", metadata: metadata)
        case .failed(let failure, _), .uncertain(let failure, _):
            metadata["code"] = "\(failure.code)"
            metadata["message"] = "\(failure.message)"
            logger.error("Run failed; it waits for a person", metadata: metadata)
        case .cancelled: logger.notice("Run cancelled", metadata: metadata)
        }
    }
}

extension RunEnd {
    /// A word for metrics.
    fileprivate var label: String {
        switch self {
        case .succeeded: "succeeded"
        case .retry: "retry"
        case .failed: "failed"
        case .uncertain: "uncertain"
        case .cancelled: "cancelled"
        }
    }
}
