import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Projects
import Sequences
import ServiceLifecycle
import Telemetry

/// Takes the calls that somebody waits for, runs their sequences and sends the answers back.
struct CallConsumer: Service {
    let broker: MessageBroker
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let runner: SequenceRunner
    let claims: ClaimKeeper
    let concurrency: Int
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await broker.consume(QueueName.calls, prefetch: concurrency, concurrency: concurrency) { delivery in
                let message = delivery.message
                guard let call = try? SequenceCall(body: message.body) else { return delivery.reject() }
                guard call.deadline > Int(Date().timeIntervalSince1970 * 1_000) else {
                    // Nobody waits any more.
                    return delivery.acknowledge()
                }
                let trace =
                    message.headers[HeaderName.traceparent]?.string.flatMap(TraceContext.init(traceparent:))
                    ?? .makeRoot()
                let isDone = await TraceContext.$current.withValue(trace) { await serve(call, trace, message) }
                if isDone { delivery.acknowledge() } else { delivery.giveBack() }
            }
        }
    }

    /// Answers a call.
    ///
    /// - Returns: Whether the call is done with; otherwise another worker should take it.
    private func serve(_ call: SequenceCall, _ trace: TraceContext, _ message: IncomingMessage) async -> Bool {
        do {
            let run = newRun(call, trace)
            guard let claimed = try await control.begin(run, worker: claims.worker, lease: claims.lease) else {
                return true
            }
            let outcome = try await claims.keeping(claimed) {
                let outcome = try await self.outcome(of: claimed.with(variables: call.variables), call)
                try await finish(claimed, outcome)
                return outcome
            }
            let answer = SequenceAnswer(run: call.run, outcome: outcome)
            try await broker.reply(to: message, body: answer.body, contentType: "application/json")
            return true
        } catch MessagingError.unroutable {
            logger.notice("Nobody waits for the answer any more", metadata: ["run": "\(call.run)"])
            return true
        } catch {
            logger.warning("A call was given back", metadata: ["run": "\(call.run)", "error": "\(error)"])
            return false
        }
    }

    private func newRun(_ call: SequenceCall, _ trace: TraceContext) -> NewRun {
        let definition = catalogue.current[call.project]?.project.sequences[call.sequence]
        let hasSecrets = call.cause == .login || definition?.variables.contains(where: \.isSecret) ?? true
        var run = NewRun(
            project: call.project,
            sequence: call.sequence,
            cause: call.cause,
            variables: hasSecrets ? nil : call.variables,
            traceID: trace.traceID
        )
        run.id = call.run
        run.identity = call.identity
        return run
    }

    private func outcome(of run: ClaimedRun, _ call: SequenceCall) async throws -> SequenceAnswer.Outcome {
        do {
            let groups = call.identity.user == nil ? nil : call.identity.groups
            let answer = try await runner.run(run, groups: groups)
            let identity = CallerIdentity(user: answer.identity?.user, groups: answer.identity?.groups ?? [])
            return .succeeded(answer.value, identity)
        } catch let failure as SequenceFailure {
            return .failed(Failure(failure))
        } catch let uncertain as UncertainEffect {
            return .failed(uncertain.failure)
        }
    }

    private func finish(_ run: ClaimedRun, _ outcome: SequenceAnswer.Outcome) async throws {
        let end: RunEnd =
            switch outcome {
            case .succeeded: .succeeded
            case .failed(let failure) where failure.code == "outcome_unknown": .uncertain(failure)
            case .failed(let failure): .failed(failure, holding: false)
            }
        _ = try await control.finish(run, end)
    }
}
