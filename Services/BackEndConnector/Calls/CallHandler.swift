import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import Projects
import ServiceRuntime
import Telemetry

/// Takes a connector call from the queue, carries it out, answers, and acknowledges last.
///
/// A message may come twice: when a process died with it, or when the broker lost an acknowledgement. An idempotent
/// transaction is simply carried out again. Any other is noted in PostgreSQL before its request is sent, and a second
/// message that finds the note is answered as the first one was, if that did not happen, or else that nobody knows.
struct CallHandler: Sendable {
    let catalogue: ProjectCatalogue
    let control: ControlStore
    let clock: DatabaseClock
    let callers: BackEndCallers
    let broker: MessageBroker
    let logger: Logger

    /// Nobody waits for longer, whatever a message says.
    private static let longestTime = Duration.seconds(7 * 86_400)
    /// Between two questions to PostgreSQL when it does not answer.
    private static let pause = Duration.milliseconds(250)

    func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        let call: ConnectorCall
        do {
            call = try ConnectorCall(body: message.body)
        } catch {
            await refuse(message, "\(error)")
            return delivery.acknowledge()
        }
        // Whoever asked has gone; that is for this side to see, since what expires is kept with all that it holds.
        guard let timeLeft = clock.timeLeft(to: call.deadline) else { return delivery.acknowledge() }
        guard message.deliveryCount < Topology.callDeliveries else {
            await setAside(call, message)
            return delivery.acknowledge()
        }
        let start = ContinuousClock.now
        let outcome = await carryOut(call, until: start + min(timeLeft, Self.longestTime))
        count(call, outcome, since: start)
        await answer(message, outcome)
        delivery.acknowledge()
    }

    /// Tells the caller of a call that is none what is wrong with it, and keeps that for a person to see.
    private func refuse(_ message: IncomingMessage, _ reason: String) async {
        logger.warning("A connector call cannot be understood", metadata: ["reason": "\(reason)"])
        await answer(
            message,
            .failure(Failure(code: "bad_request", message: "The call cannot be understood: \(reason)."))
        )
        do throws(MessagingError) {
            try await RejectedMessages(broker).keepCall(message, reason: reason)
        } catch {
            logger.warning("A connector call that was none could not be kept", metadata: ["reason": "\(error.code)"])
        }
    }

    /// Ends a call that may be what ends the connectors that take it.
    private func setAside(_ call: ConnectorCall, _ message: IncomingMessage) async {
        logger.error(
            "A connector call is set aside that was delivered too often",
            metadata: ["project": "\(call.project)", "transaction": "\(call.connector).\(call.transaction)"]
        )
        let failure = Failure(
            code: "connector_lost",
            message: "\(message.deliveryCount) back-end connectors were lost with the call in hand.",
            effect: .unknown
        )
        await answer(message, .failure(failure))
    }

    private func carryOut(
        _ call: ConnectorCall,
        until deadline: ContinuousClock.Instant
    ) async -> Result<JSONValue, Failure> {
        do throws(Failure) {
            let prepared = try await find(call, until: deadline)
            guard !prepared.isIdempotent else { return await prepared.run() }
            return await carryOutOnce(prepared, as: "\(call.idempotencyKey)@\(call.deadline.byCaller)", deadline)
        } catch {
            return .failure(error)
        }
    }

    /// Carries out a transaction that must not happen twice, under a name that only this message has.
    private func carryOutOnce(
        _ call: PreparedCall,
        as name: String,
        _ deadline: ContinuousClock.Instant
    ) async -> Result<JSONValue, Failure> {
        let attempt = UUID()
        do {
            switch try await patiently(until: deadline, { try await control.begin(call: name, as: attempt) }) {
            case .first: break
            case .refused(let answer): return try ConnectorAnswer(body: answer).outcome
            case .before:
                return .failure(
                    Failure(
                        code: "outcome_unknown",
                        message: "\(call.title): was begun before by a process that did not say what became of it",
                        effect: .unknown
                    )
                )
            }
        } catch {
            return .failure(Failure(code: "unavailable", message: "\(call.title): the database does not answer"))
        }
        let result = await call.run()
        if case .failure(let failure) = result, failure.effect == .none {
            // Where that cannot be written, a second message is answered that nobody knows.
            try? await control.refuse(call: name, with: ConnectorAnswer(result).body)
        }
        return result
    }

    /// Asks PostgreSQL, which may be away, for half of the time that is left.
    ///
    /// Who is answered at once asks anew, under another name, and a second message of this call would then not find
    /// that it was answered.
    private func patiently<Value>(
        until deadline: ContinuousClock.Instant,
        _ ask: () async throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + ContinuousClock.now.duration(to: deadline) / 2
        while true {
            do {
                return try await ask()
            } catch let error as PostgresError {
                guard ContinuousClock.now + Self.pause < end else { throw error }
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    private func find(
        _ call: ConnectorCall,
        until deadline: ContinuousClock.Instant
    ) async throws(Failure) -> PreparedCall {
        let project: Project?
        do {
            project = try await patiently(until: deadline) {
                try await catalogue.project(call.project, version: call.version)
            }
        } catch {
            // Another process may know the project, or this one when its symbols are set.
            throw Failure(code: "unavailable", message: "The deployed projects cannot be read: \(error).")
        }
        guard let project else {
            throw Failure(
                code: "not_found",
                message: "The back-end connector has no version \(call.version) of the project '\(call.project)'."
            )
        }
        guard let connector = project.connectors[call.connector],
            let prepared = callers.prepare(call, of: connector, until: deadline)
        else {
            throw Failure(
                code: "not_found",
                message: "There is no transaction '\(call.connector).\(call.transaction)' of a back end."
            )
        }
        return prepared
    }

    private func answer(_ message: IncomingMessage, _ outcome: Result<JSONValue, Failure>) async {
        do throws(MessagingError) {
            do throws(MessagingError) {
                try await broker.reply(
                    to: message,
                    body: ConnectorAnswer(outcome).body,
                    contentType: "application/json"
                )
            } catch .invalidMessage {
                let failure = Failure(
                    code: ExchangeFailure.responseTooLarge(limit: 0).code,
                    message: "The back end's answer is larger than a message may be.",
                    effect: .unknown
                )
                try await broker.reply(
                    to: message,
                    body: ConnectorAnswer(.failure(failure)).body,
                    contentType: "application/json"
                )
            }
        } catch {
            logger.info("The answer of a connector call reached nobody", metadata: ["reason": "\(error.code)"])
        }
    }

    private func count(
        _ call: ConnectorCall,
        _ outcome: Result<JSONValue, Failure>,
        since start: ContinuousClock.Instant
    ) {
        var code = "answered"
        if case .failure(let failure) = outcome {
            code = failure.code
            logger.notice(
                "A transaction failed",
                metadata: [
                    "project": "\(call.project)", "transaction": "\(call.connector).\(call.transaction)",
                    "code": "\(failure.code)", "reason": "\(failure.message)", "effect": "\(failure.effect.rawValue)",
                ]
            )
        }
        ConnectorMetrics.count(connector: call.connector, of: call.project, outcome: code, since: start)
    }
}
