import Contracts
package import Messaging

extension OutgoingMessage {
    /// The message that tells workers of a run.
    package static func runReady(_ run: String) -> OutgoingMessage {
        OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: QueueName.runs,
            body: RunReady(run: run).body,
            contentType: "application/json"
        )
    }
}
