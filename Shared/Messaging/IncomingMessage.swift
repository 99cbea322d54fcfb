/// A message as it came, after its check.
///
/// A text property that is not valid UTF-8, or a header that is outside the bounds, is treated as absent.
package struct IncomingMessage: Sendable, Hashable {
    package var exchange: String
    package var routingKey: String
    package var body: [UInt8]
    package var properties: MessageProperties
    /// The broker has delivered it before, to this consumer or another; it may or may not have been worked on.
    package var isRedelivered: Bool

    package var contentType: String? { properties.contentType }
    package var messageID: String? { properties.messageID }
    package var correlationID: String? { properties.correlationID }
    package var replyTo: String? { properties.replyTo }
    package var headers: [String: HeaderValue] { properties.headers }

    /// How often a quorum queue has delivered it before without an acknowledgement (`x-delivery-count`).
    package var deliveryCount: Int {
        guard let count = headers["x-delivery-count"]?.int, count > 0 else { return 0 }
        return Int(clamping: count)
    }
}

/// The properties of a message that this system uses (AMQP 0-9-1, class basic).
package struct MessageProperties: Sendable, Hashable {
    package var contentType: String?
    package var messageID: String?
    package var correlationID: String?
    package var replyTo: String?
    /// The time that the publisher gave, in seconds since 1970.
    package var timestamp: UInt64?
    package var headers: [String: HeaderValue] = [:]
    /// How long the publisher let it wait in a queue, as it wrote the milliseconds; nil for as long as it takes.
    package var expiration: String?
    /// Whether the publisher had the broker keep it across a restart.
    package var isPersistent = false
}
