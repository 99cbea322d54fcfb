import Contracts
import JSON
package import Messaging

/// Keeps copies of messages that nobody can work on in `fullsync.rejected`, with the reason, for a person to look at.
package struct RejectedMessages: Sendable {
    private let broker: MessageBroker

    /// How much of a reason is kept, in characters.
    private static let maximumReason = 500
    /// The members of calls that may hold secrets.
    private static let secretMembers = ["variables", "request"]

    package init(_ broker: MessageBroker) {
        self.broker = broker
    }

    /// Keeps the message as it came; returns when the broker has it.
    package func keep(_ message: IncomingMessage, reason: String) async throws(MessagingError) {
        try await keep(message, body: message.body, reason)
    }

    /// Keeps a call without what may be secret in it, which is all of it when it is no JSON object.
    package func keepCall(_ message: IncomingMessage, reason: String) async throws(MessagingError) {
        guard var call = (try? JSONValue(parsing: message.body))?.objectValue else {
            return try await keep(message, body: [], "\(reason) (\(message.body.count) bytes, not kept)")
        }
        for name in Self.secretMembers { call[name] = nil }
        try await keep(message, body: JSONValue.object(call).bytes, reason)
    }

    private func keep(
        _ message: IncomingMessage,
        body: [UInt8],
        _ reason: String
    ) async throws(MessagingError) {
        let ours: [String: HeaderValue] = [
            HeaderName.reason: .string(String(reason.prefix(Self.maximumReason))),
            HeaderName.originalRoutingKey: .string(message.routingKey),
        ]
        var copy = OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: QueueName.rejected,
            body: body,
            contentType: message.contentType,
            messageID: message.messageID,
            headers: message.headers.merging(ours) { $1 },
            isMandatory: true
        )
        copy.mayBeOversized = true
        do {
            try await broker.publish(copy)
        } catch {
            guard case .invalidMessage = error else { throw error }
            // The broker takes larger headers than are sent from here.
            copy.headers = ours
            try await broker.publish(copy)
        }
    }
}
