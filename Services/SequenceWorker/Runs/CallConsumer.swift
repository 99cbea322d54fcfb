import Contracts
import ControlStore
import JSON
import Logging
import Messaging
import Postgres
import Projects
import Sequences
import ServiceLifecycle
import ServiceRuntime
import Telemetry
import XML

/// Takes the calls that somebody waits for, runs their sequences and sends the answers back.
struct CallConsumer: Service {
    /// The queue of calls, that of logins, or that of calls which were over their project's share.
    let queue: String
    let broker: MessageBroker
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let runner: SequenceRunner
    let claims: ClaimKeeper
    let clock: DatabaseClock
    let concurrency: Int
    /// The calls that this worker is at, on whichever queue they came.
    ///
    /// They go on when the connection on which they came is lost, and are answered on the next.
    let inHand: CallsInHand
    /// Who may have how many of the places; nil where they are everybody's.
    let shares: CallShares?
    let logger: Logger
    /// For how long a call is begun, and its end written down and told, over and over while that fails: also where the
    /// caller names no end of its waiting.
    var patience = Duration.seconds(600)

    private static let pause = Duration.milliseconds(500)

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await broker.consume(queue, prefetch: concurrency, concurrency: concurrency) { delivery in
                await take(delivery)
            }
        }
    }

    private func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        let call: SequenceCall
        do throws(MessageError) {
            call = try SequenceCall(body: message.body)
        } catch {
            await refuse(message, error.reason)
            return delivery.acknowledge()
        }
        // That is for this side to see, since what expires is kept with all that it holds.
        guard isAwaited(call) else { return delivery.acknowledge() }
        guard message.callDeliveries < Topology.callDeliveries else {
            await setAside(call, message)
            return delivery.acknowledge()
        }
        let isOver = shares.map { !$0.begin(call.project) } ?? false
        defer { if !isOver { shares?.end(call.project) } }
        if isOver, await hold(message) { return delivery.acknowledge() }
        let trace =
            message.headers[HeaderName.traceparent]?.string.flatMap(TraceContext.init(traceparent:)) ?? .makeRoot()
        let isDone = await inHand.unlessThere(call.run) {
            await TraceContext.$current.withValue(trace) { await work(on: call, trace, message) }
        }
        // A call that this worker is at already is answered by that; one that it must leave is another worker's.
        if isDone ?? true { delivery.acknowledge() } else { delivery.giveBack() }
    }

    /// Whether somebody still waits for the answer.
    private func isAwaited(_ call: SequenceCall) -> Bool { clock.timeLeft(to: call.deadline) != nil }

    /// Puts a call that is over its project's share in a queue of its own, so that the places here stay free for the
    /// calls of others.
    ///
    /// It does not go back to its queue, which would use up its deliveries within a moment, nor wait in this worker's
    /// hands while another one has room.
    ///
    /// - Returns: Whether the broker has it there. Where it has not, the call is worked on at once rather than not at
    ///   all; should it be in both places, it is still one run.
    private func hold(_ message: IncomingMessage) async -> Bool {
        do throws(MessagingError) {
            try await broker.publish(message.anew(in: QueueName.heldCalls))
            return true
        } catch {
            logger.warning("A call over its project's share could not be put aside", error: error)
            return false
        }
    }

    /// Works on a call until it is answered.
    ///
    /// Here and now, for as long as somebody waits: a message that went back to its queue would use up its deliveries
    /// within a moment.
    ///
    /// - Returns: Whether the call is done with; not when this worker stops.
    private func work(on call: SequenceCall, _ trace: TraceContext, _ message: IncomingMessage) async -> Bool {
        let end = ContinuousClock.now + patience
        while await !serve(call, trace, message) {
            guard !Task.isCancelled else { return false }
            guard isAwaited(call) else { return true }
            guard .now < end else {
                let text = "The call could not be served for \(patience / .seconds(1)) seconds."
                let failure = Failure(code: "unavailable", message: text, effect: .unknown)
                try? await send(SequenceAnswer(run: call.run, outcome: .failed(failure)), of: call, to: message)
                return true
            }
            try? await Task.sleep(for: Self.pause)
        }
        return true
    }

    /// Tells the caller of a call that is none what is wrong with it, and keeps that for a person to see.
    private func refuse(_ message: IncomingMessage, _ reason: String) async {
        logger.warning("A call cannot be understood", metadata: ["reason": "\(reason)"])
        let failure = Failure(code: "bad_request", message: "The call cannot be understood: \(reason).")
        let answer = SequenceAnswer(run: "", outcome: .failed(failure))
        try? await broker.reply(to: message, body: answer.body, contentType: "application/json")
        do throws(MessagingError) {
            try await RejectedMessages(broker).keepCall(message, reason: reason)
        } catch {
            logger.warning("A call that was none could not be kept", metadata: ["reason": "\(error.code)"])
        }
    }

    /// Ends a call that may be what ends the workers that take it.
    private func setAside(_ call: SequenceCall, _ message: IncomingMessage) async {
        logger.error("A call is set aside that was delivered too often", metadata: ["run": "\(call.run)"])
        let text = "\(message.callDeliveries) workers were lost with the call in hand; it may be what ends them."
        let failure = Failure(code: "worker_lost", message: text, effect: .unknown)
        try? await send(SequenceAnswer(run: call.run, outcome: .failed(failure)), of: call, to: message)
    }

    /// How long the worker that has ended a call may take to answer it.
    private static let answerPatience = Duration.seconds(5)
    /// How long a caller may take to come back whose connection was lost.
    private static let returnPatience = Duration.seconds(12)
    private static let answerLost = Failure(
        code: "answer_lost",
        message: "The run was begun before, and its answer is lost; what became of the run is written down.",
        effect: .unknown
    )

    /// Answers a call.
    ///
    /// - Returns: Whether the call is done with; otherwise it is to be tried again.
    private func serve(_ call: SequenceCall, _ trace: TraceContext, _ message: IncomingMessage) async -> Bool {
        do {
            let run = newRun(call, trace)
            guard let claimed = try await control.begin(run, worker: claims.worker, lease: claims.lease) else {
                // Whoever had it ended before the caller was told, or before the broker was told so; or is about to
                // tell the caller, on a new connection.
                return await tell(call, message)
            }
            let outcome = try await claims.keeping(claimed) { @Sendable in
                let (outcome, end) = try await attempt(claimed.with(variables: call.variables), call)
                try await insist(call) {
                    guard try await control.finish(claimed, end) == nil else { return }
                    // Whoever cancelled the run took the claim, too.
                    guard case .cancelled = end else { throw ClaimLost(claimed) }
                }
                return outcome
            }
            try await answer(call, outcome, message)
            return true
        } catch MessagingError.unroutable {
            logger.notice("Nobody waits for the answer any more", metadata: ["run": "\(call.run)"])
            return true
        } catch is ClaimLost {
            return await tell(call, message)
        } catch let error as PostgresError where error.refusesData {
            logger.warning("A call cannot be written down", metadata: ["run": "\(call.run)", "error": "\(error)"])
            let failure = Failure(code: "bad_request", message: "The call cannot be written down: \(error).")
            try? await send(SequenceAnswer(run: call.run, outcome: .failed(failure)), of: call, to: message)
            return true
        } catch {
            logger.warning("A call could not be served", metadata: ["run": "\(call.run)", "error": "\(error)"])
            return false
        }
    }

    /// Answers a call whose run is this worker's no more, once the run has ended.
    ///
    /// Who cancels a run takes its claim, and answers nobody; nor does who takes it from its row, as a run that waits.
    /// Who takes it as a call does, and is given the time to: what is said here is then said too late.
    ///
    /// - Returns: Whether the call is done with.
    private func tell(_ call: SequenceCall, _ message: IncomingMessage) async -> Bool {
        logger.notice("A call's run is this worker's no more", metadata: ["run": "\(call.run)"])
        let end = ContinuousClock.now + patience
        do {
            while isAwaited(call), .now < end {
                let run = try? await control.run(call.run)
                switch run?["state"]?.stringValue.flatMap(RunState.init) {
                case .cancelled:
                    try await answer(call, .failed(RunCancellations.Cancelled().failure), message)
                    return true
                case .succeeded, .failed, .uncertain:
                    try await Task.sleep(for: Self.answerPatience)
                    try await answer(call, .failed(Self.answerLost), message)
                    return true
                case .waiting, .running, nil: try await Task.sleep(for: Self.pause)
                }
            }
            return true
        } catch {
            // To begin it anew here would take it from the worker that has it, which would take it back.
            return !Task.isCancelled
        }
    }

    /// Sends the answer, which can be made only once: the run has ended.
    private func answer(
        _ call: SequenceCall,
        _ outcome: SequenceAnswer.Outcome,
        _ message: IncomingMessage
    ) async throws {
        do {
            try await insist(call) {
                try await send(SequenceAnswer(run: call.run, outcome: outcome), of: call, to: message)
            }
        } catch MessagingError.invalidMessage(let reason) {
            let failure = Failure(code: "limit", message: "The answer cannot be sent: \(reason).")
            try await insist(call) {
                try await send(SequenceAnswer(run: call.run, outcome: .failed(failure)), of: call, to: message)
            }
        }
    }

    /// Sends an answer in what the caller wants it in: the same members in JSON and in XML.
    private func send(
        _ answer: SequenceAnswer,
        of call: SequenceCall,
        to message: IncomingMessage
    ) async throws(MessagingError) {
        let format = AnswerFormat(accept: call.accept)
        let body =
            switch format {
            case .json: answer.body
            case .xml: Array(XMLWriter.typedDocument(of: .object(answer.fields), root: "sequence").utf8)
            }
        try await broker.reply(to: message, body: body, contentType: format.contentType)
    }

    /// Tries until it succeeds, nobody waits any more, or no repetition mends what is wrong.
    private func insist(_ call: SequenceCall, _ body: () async throws -> Void) async throws {
        let began = ContinuousClock.now
        while true {
            do {
                return try await body()
            } catch  where isAwaited(call) && .now < began + patience(with: error) && !Task.isCancelled {
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// For how long what failed is tried again.
    private func patience(with error: any Error) -> Duration {
        switch error {
        // A caller without a queue has gone, or is about to be connected anew.
        case MessagingError.unroutable: Self.returnPatience
        case MessagingError.invalidMessage, is ClaimLost: .zero
        default: patience
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

    /// What the caller is told, and what is written down.
    private func attempt(
        _ run: ClaimedRun,
        _ call: SequenceCall
    ) async throws -> (outcome: SequenceAnswer.Outcome, end: RunEnd) {
        do {
            let calling = SequenceRunner.Calling(
                groups: call.identity.user == nil ? nil : call.identity.groups,
                session: call.identity.session,
                request: call.request
            )
            let answer = try await runner.run(run, calling: calling)
            let identity = CallerIdentity(user: answer.identity?.user, groups: answer.identity?.groups ?? [])
            let head = AnswerHead(status: answer.response.status, headers: answer.response.headers)
            return (.succeeded(answer.value, identity, head), .succeeded)
        } catch let failure as SequenceFailure {
            let failure = Failure(failure)
            return (.failed(failure), .failed(failure, holding: false))
        } catch let uncertain as UncertainEffect {
            return (.failed(uncertain.failure), .uncertain(uncertain.failure, holding: false))
        } catch let cancelled as RunCancellations.Cancelled {
            return (.failed(cancelled.failure), .cancelled(cancelled.failure))
        } catch  where !(error is ClaimLost) && !(error is CancellationError) {
            logger.warning("A call failed", metadata: ["run": "\(run.id)", "error": "\(error)"])
            let failure = Failure.system(error)
            return (.failed(failure), .failed(failure, holding: false))
        }
    }
}
