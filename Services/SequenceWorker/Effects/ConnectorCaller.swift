import Contracts
import ControlStore
import JSON
import Messaging
import Postgres
import Sequences
import Telemetry

/// Has transactions of connectors carried out by the back-end connectors, and sees that none is done twice.
struct ConnectorCaller: Sendable {
    let requests: RequestClient
    let control: ControlStore
    let clock: DatabaseClock

    /// How long a call may wait for its turn at its connector, beside twice the time that its back end may take (a
    /// login may come first), before its answer is taken for lost.
    private static let patience = Duration.seconds(20)

    /// Carries out a transaction for a step of a run.
    ///
    /// One that is idempotent is simply asked for again, with the same key: at the next attempt, and already when its
    /// answer must have been lost (with the broker, or with a connector that died). Any other is noted in the ledger
    /// before it is asked for: when its outcome stays unknown, the run stops as uncertain.
    ///
    /// - Parameter answersWithin: How long the back end itself may take; nil when that is not known.
    func call(
        _ transaction: TransactionReference,
        variables: JSONObject,
        isIdempotent: Bool,
        answersWithin limit: Duration? = nil,
        of run: ClaimedRun,
        session: String?,
        at site: CallSite
    ) async throws -> JSONValue {
        guard !isIdempotent else {
            while true {
                let outcome = try await request(
                    transaction,
                    variables: variables,
                    of: run,
                    session: session,
                    at: site,
                    within: limit.map { $0 * 2 + Self.patience }
                )
                if outcome.isLost, limit != nil, site.deadline > .now { continue }
                return try outcome.getForSequence()
            }
        }
        let step = site.path.key
        switch run.isRepeated ? try await control.effect(of: run, step: step) : .none {
        case .answered(let answer): return answer
        case .attempted: throw UncertainEffect(Self.unknown(transaction), at: site)
        case .none: break
        }
        // Where nobody knows whether that was written, the run would be uncertain about what was never asked for.
        try await insist { try await control.noteAttempt(of: run, step: step) }
        do {
            let answer = try await request(transaction, variables: variables, of: run, session: session, at: site).get()
            return try await insist { try await record(answer, of: run, step: step) }
        } catch let failure as CallFailure where failure.failure.effect == .unknown {
            throw UncertainEffect(failure.failure, at: site)
        } catch let failure as CallFailure {
            try await insist { try await control.forgetAttempt(of: run, step: step) }
            throw failure.sequenceFailure
        }
    }

    /// Writes an answer into the ledger.
    ///
    /// - Returns: The answer that is there: when it is not known whether that was written before, once is enough.
    private func record(_ answer: JSONValue, of run: ClaimedRun, step: String) async throws -> JSONValue {
        guard try await control.client.execute(control.record(answer, of: run, step: step)) == 0 else { return answer }
        guard case .answered(let known) = try await control.effect(of: run, step: step) else { throw ClaimLost(run) }
        return known
    }

    /// Writes into the ledger, once PostgreSQL is there: what is known is not to become uncertain.
    ///
    /// It ends when the run is another worker's or its time is over, which cancels the work.
    private func insist<Value>(_ write: () async throws -> Value) async throws -> Value {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                return try await write()
            } catch let error as PostgresError where error.mayPass {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    private func request(
        _ transaction: TransactionReference,
        variables: JSONObject,
        of run: ClaimedRun,
        session: String?,
        at site: CallSite,
        within limit: Duration? = nil
    ) async throws -> Result<JSONValue, CallFailure> {
        let left = ContinuousClock.now.duration(to: site.deadline)
        let timeout = min(limit ?? left, left, ConnectorCall.longestTime)
        guard timeout > .zero else {
            return .failure(CallFailure(Failure(code: "timeout", message: "the sequence's time is over")))
        }
        let call = ConnectorCall(
            project: run.project,
            version: run.version,
            connector: transaction.connector,
            transaction: transaction.transaction,
            variables: variables,
            idempotencyKey: "\(run.id)/\(site.path.key)",
            session: session ?? run.id,
            deadline: clock.deadline(in: timeout)
        )
        let trace = TraceContext.current?.makeChild() ?? .makeRoot()
        do {
            let reply = try await requests.request(
                OutgoingMessage(
                    exchange: ExchangeName.direct,
                    routingKey: QueueName.connectorCalls,
                    body: call.body,
                    contentType: "application/json",
                    messageID: OutgoingMessage.messageID(call.idempotencyKey),
                    headers: [HeaderName.traceparent: .string(trace.traceparent)],
                    isPersistent: false
                ),
                timeout: timeout,
                expires: false
            )
            return try ConnectorAnswer(body: reply.body).outcome.mapError(CallFailure.init)
        } catch MessagingError.cancelled {
            throw CancellationError()
        } catch let error as MessagingError {
            return .failure(CallFailure(Self.failure(of: error)))
        }
    }

    fileprivate static let noAnswer = "no_answer"

    private static func failure(of error: MessagingError) -> Failure {
        switch error {
        case .invalidMessage:
            // No repetition makes it smaller.
            Failure(
                code: SequenceFailure.Code.limit.description,
                message: "The call cannot be sent to a back-end connector: \(error)."
            )
        case .unroutable, .closed, .notSent, .notAccepted:
            Failure(code: "connector_unavailable", message: "The call could not be sent: \(error).")
        default:
            Failure(code: noAnswer, message: "No back-end connector answered in time.", effect: .unknown)
        }
    }

    private static func unknown(_ transaction: TransactionReference) -> Failure {
        Failure(
            code: "outcome_unknown",
            message: """
                An earlier attempt asked for '\(transaction)' and never learned whether it happened. Look at the back \
                end, then retry, resolve or cancel the run.
                """,
            effect: .unknown
        )
    }
}

/// A transaction that failed, on its way to the sequence.
private struct CallFailure: Error {
    let failure: Failure

    init(_ failure: Failure) {
        self.failure = failure
    }

    var sequenceFailure: SequenceFailure {
        SequenceFailure(
            code: SequenceFailure.Code(failure.code),
            message: failure.message,
            details: failure.details
        )
    }
}

extension Result where Failure == CallFailure {
    /// Whether no connector has answered.
    fileprivate var isLost: Bool {
        guard case .failure(let failure) = self else { return false }
        return failure.failure.code == ConnectorCaller.noAnswer
    }

    /// The answer; a failure as one that the sequence can catch.
    fileprivate func getForSequence() throws -> Success {
        do {
            return try get()
        } catch {
            throw error.sequenceFailure
        }
    }
}
