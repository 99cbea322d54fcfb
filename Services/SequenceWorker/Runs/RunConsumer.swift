import Contracts
import ControlStore
import FoundationInternationalization
import Logging
import Messaging
import Metrics
import Projects
import Sequences
import ServiceLifecycle
import ServiceRuntime
import Telemetry

/// Takes the runs that are in line: claims the row, runs the sequence, writes down how it ended, acknowledges last.
struct RunConsumer: Service {
    let broker: MessageBroker
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let runner: SequenceRunner
    let policy: RetryPolicy
    let claims: ClaimKeeper
    let concurrency: Int
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await broker.consume(QueueName.runs, prefetch: concurrency, concurrency: concurrency) { delivery in
                guard let ready = try? RunReady(body: delivery.message.body) else { return delivery.reject() }
                do {
                    try await work(on: ready.run)
                    delivery.acknowledge()
                } catch {
                    // The row says what is to be done; the message comes again, to whoever can.
                    logger.warning("A run was given back", metadata: ["run": "\(ready.run)", "error": "\(error)"])
                    delivery.giveBack()
                }
            }
        }
    }

    /// Works on a run, if it is ready.
    private func work(on id: String) async throws {
        guard let run = try await control.claim(run: id, worker: claims.worker, lease: claims.lease) else { return }
        let trace = TraceContext(traceID: run.traceID) ?? .makeRoot()
        try await TraceContext.$current.withValue(trace) {
            let began = ContinuousClock.now
            let next = try await claims.keeping(run) { () -> [String]? in
                guard let end = try await attempt(run), let next = try await control.finish(run, end) else {
                    return nil
                }
                log(run, end, ContinuousClock.now - began)
                return next
            }
            try await announce(next ?? [])
        }
    }

    /// How the attempt ended; nil when the run is another worker's now.
    private func attempt(_ run: ClaimedRun) async throws -> RunEnd? {
        do {
            _ = try await runner.run(run, groups: nil)
            return .succeeded
        } catch let failure as SequenceFailure {
            return end(of: run, after: Failure(failure))
        } catch let uncertain as UncertainEffect {
            return .uncertain(uncertain.failure)
        } catch is ClaimLost {
            logger.notice("Another worker has taken the run over", metadata: ["run": "\(run.id)"])
            return nil
        } catch is CancellationError {
            // This worker stops: the run is ready for another one at once.
            return .retry(Failure(code: "stopped", message: "The worker stopped."), after: .zero)
        } catch {
            return end(of: run, after: .system(error))
        }
    }

    private func end(of run: ClaimedRun, after failure: Failure) -> RunEnd {
        let listener = catalogue.current[run.project]?.project.listeners[run.source]
        return policy.end(
            after: failure,
            attempt: run.attempt,
            holding: run.cause == .listener && listener?.ordering != .pass,
            jitter: .random(in: 0...1)
        )
    }

    /// Tells workers of runs that may be ready now.
    private func announce(_ runs: [String]) async throws {
        guard !runs.isEmpty else { return }
        try await broker.publishAll(runs.map(OutgoingMessage.runReady))
    }

    private func log(_ run: ClaimedRun, _ end: RunEnd, _ duration: Duration) {
        var metadata: Logger.Metadata = [
            "run": "\(run.id)", "sequence": "\(run.project)/\(run.sequence)", "cause": "\(run.cause.rawValue)",
            "attempt": "\(run.attempt)", "ms": "\(duration / .milliseconds(1))",
        ]
        Timer(label: "fullsync_run_duration", dimensions: [("end", end.label)]).record(duration: duration)
        switch end {
        case .succeeded: logger.info("Run succeeded", metadata: metadata)
        case .retry(let failure, let delay):
            metadata["code"] = "\(failure.code)"
            metadata["message"] = "\(failure.message)"
            logger.warning("Run failed; it is tried again in \(delay.formatted())", metadata: metadata)
        case .failed(let failure, _), .uncertain(let failure):
            metadata["code"] = "\(failure.code)"
            metadata["message"] = "\(failure.message)"
            logger.error("Run failed; it waits for a person", metadata: metadata)
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
        }
    }
}
