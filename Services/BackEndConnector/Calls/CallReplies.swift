import Contracts
import JSON
import Logging
import Messaging
import Projects
import ServiceRuntime

/// What is said of a call: to its caller, and to the broker.
struct CallReplies: Sendable {
    let broker: MessageBroker
    let logger: Logger

    /// Tells the caller what became of the call; an answer that is too large for the broker is a failure.
    func answer(_ message: IncomingMessage, _ outcome: Result<JSONValue, Failure>) async {
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

    /// Tells the caller of a call that is none what is wrong with it, and keeps that for a person to see.
    func refuse(_ message: IncomingMessage, _ reason: String, effect: Failure.Effect = .none) async {
        logger.warning("A connector call cannot be understood", metadata: ["reason": "\(reason)"])
        await answer(
            message,
            .failure(
                Failure(code: "bad_request", message: "The call cannot be understood: \(reason).", effect: effect)
            )
        )
        do throws(MessagingError) {
            try await RejectedMessages(broker).keepCall(message, reason: reason)
        } catch {
            logger.warning("A connector call that was none could not be kept", metadata: ["reason": "\(error.code)"])
        }
    }

    /// Puts a call at the end of its queue, behind those that can be carried out.
    ///
    /// One that went back would use up its deliveries while PostgreSQL is away, and be taken for what ends connectors.
    /// Should it be in the queue twice, it is still carried out once.
    ///
    /// - Returns: Whether the broker has it there; not when this process stops.
    func putLast(_ message: IncomingMessage) async -> Bool {
        guard !Task.isCancelled else { return false }
        do throws(MessagingError) {
            try await broker.publish(message.anew(in: QueueName.connectorCalls))
            return true
        } catch {
            logger.warning("A connector call could not be put off", metadata: ["reason": "\(error.code)"])
            return false
        }
    }
}
