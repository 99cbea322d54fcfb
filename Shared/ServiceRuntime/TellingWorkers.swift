package import Contracts
package import Messaging

extension MessageBroker {
    /// Tells workers of runs that are ready, and what made them, so that they need not look it up.
    ///
    /// A hint: the rows say it, and workers find those that they were not told of. So a broker that is away is waited
    /// for only for a moment, and who has written runs down goes on whatever becomes of it.
    ///
    /// - Parameters:
    ///   - line: What made all of them; nil when only their rows say.
    ///   - traceparent: Where they come from, as W3C Trace Context writes it.
    package func tellWorkers(
        of runs: [String],
        _ line: RunLine? = nil,
        traceparent: String? = nil
    ) async throws(MessagingError) {
        let headers = traceparent.map { [HeaderName.traceparent: HeaderValue.string($0)] } ?? [:]
        try await hint(
            runs.map { run in
                OutgoingMessage(
                    exchange: ExchangeName.direct,
                    routingKey: QueueName.runs,
                    body: RunReady(run: run, line: line).body,
                    contentType: "application/json",
                    headers: headers
                )
            }
        )
    }
}
