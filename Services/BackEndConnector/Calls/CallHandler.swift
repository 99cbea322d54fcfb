import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Metrics
import Projects

/// Takes a connector call from the queue, carries it out, answers, and acknowledges last.
///
/// A message may come twice: when a process died with it, or when the broker lost an acknowledgement. An idempotent
/// transaction is simply carried out again. Any other is noted in PostgreSQL before its request is sent, and a second
/// message that finds the note is answered that nobody knows.
struct CallHandler: Sendable {
    let catalogue: ProjectCatalogue
    let control: ControlStore
    let caller: HTTPCaller
    let broker: MessageBroker
    let logger: Logger

    func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        let call: ConnectorCall
        do {
            call = try ConnectorCall(body: message.body)
        } catch {
            logger.warning("A connector call cannot be understood", metadata: ["reason": "\(error)"])
            return delivery.reject()
        }
        let timeLeft = Duration.milliseconds(call.deadline - Int(Date().timeIntervalSince1970 * 1_000))
        // Whoever asked has gone.
        guard timeLeft > .zero else { return delivery.acknowledge() }
        let start = ContinuousClock.now
        let outcome = await carryOut(call, until: start + timeLeft)
        count(call, outcome, since: start)
        await answer(message, outcome)
        delivery.acknowledge()
    }

    private func carryOut(
        _ call: ConnectorCall,
        until deadline: ContinuousClock.Instant
    ) async -> Result<JSONValue, Failure> {
        do throws(Failure) {
            let httpCall = try await find(call, until: deadline)
            guard !httpCall.transaction.isIdempotent else { return .success(try await caller.run(httpCall)) }
            return await carryOutOnce(httpCall, as: "\(call.idempotencyKey)@\(call.deadline)")
        } catch {
            return .failure(error)
        }
    }

    /// Carries out a transaction that must not happen twice, under a name that only this message has.
    private func carryOutOnce(_ call: HTTPCaller.Call, as name: String) async -> Result<JSONValue, Failure> {
        do {
            guard try await control.begin(call: name) else {
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
        do throws(Failure) {
            return .success(try await caller.run(call))
        } catch {
            // A note that stays behind costs nothing but the row: the next attempt has another name.
            if error.effect == .none { try? await control.forget(call: name) }
            return .failure(error)
        }
    }

    private func find(
        _ call: ConnectorCall,
        until deadline: ContinuousClock.Instant
    ) async throws(Failure) -> HTTPCaller.Call {
        let project: Project?
        do {
            project = try await catalogue.project(call.project, version: call.version)
        } catch {
            throw Failure(code: "unavailable", message: "The deployed projects cannot be read.")
        }
        guard let project else {
            throw Failure(
                code: "not_found",
                message: "The back-end connector has no version \(call.version) of the project '\(call.project)'."
            )
        }
        guard case .http(let connector)? = project.connectors[call.connector]?.kind,
            let transaction = connector.transactions[call.transaction]
        else {
            throw Failure(
                code: "not_found",
                message: "There is no transaction '\(call.connector).\(call.transaction)' over HTTP."
            )
        }
        return HTTPCaller.Call(
            name: ConnectorName(project: call.project, connector: call.connector),
            connector: connector,
            transaction: transaction,
            variables: call.variables,
            idempotencyKey: call.idempotencyKey,
            deadline: deadline
        )
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
        let labels = [("project", call.project), ("connector", call.connector)]
        Counter(label: "connector_calls", dimensions: labels + [("outcome", code)]).increment()
        Timer(label: "connector_call", dimensions: labels).record(duration: .now - start)
    }
}
