extension MessageBroker {
    /// How often a reply is tried whose queue is not there, and how long between: a requester that has just lost its
    /// connection declares its queue again.
    private static let replyAttempts = 8
    private static let replyPause = Duration.milliseconds(250)

    /// Answers a request that came as a message; returns at once when it asks for no answer.
    ///
    /// Throws ``MessagingError/unroutable(exchange:routingKey:)`` when the requester stays away: its request is then
    /// nobody's concern any more.
    package func reply(
        to request: IncomingMessage,
        body: [UInt8],
        contentType: String? = nil,
        headers: [String: HeaderValue] = [:]
    ) async throws(MessagingError) {
        guard let replyTo = request.replyTo, !replyTo.isEmpty else { return }
        let message = OutgoingMessage(
            exchange: "",
            routingKey: replyTo,
            body: body,
            contentType: contentType,
            correlationID: request.correlationID,
            headers: headers,
            isPersistent: false,
            isMandatory: true
        )
        for attempt in 1... {
            do throws(MessagingError) {
                return try await publish(message)
            } catch {
                guard case .unroutable = error, attempt < Self.replyAttempts else { throw error }
                do {
                    try await Task.sleep(for: Self.replyPause)
                } catch {
                    throw MessagingError.cancelled
                }
            }
        }
    }
}
