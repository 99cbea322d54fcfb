package import Contracts
package import Messaging

extension OutgoingMessage {
    /// The message that tells workers of a run.
    package static func runReady(_ run: String) -> OutgoingMessage { runReady(run, of: nil) }

    /// The message that tells workers of a run, and what made it, so that they need not look it up.
    package static func runReady(_ run: String, of line: RunLine?) -> OutgoingMessage {
        OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: QueueName.runs,
            body: RunReady(run: run, line: line).body,
            contentType: "application/json"
        )
    }
}
