import Contracts
package import Messaging

/// How often a call was taken by who did not come to an end with it.
///
/// Who puts a call into a queue anew begins another message, whose deliveries the broker counts from nothing: the
/// message says how many there were.
extension IncomingMessage {
    /// How often it was delivered before without an acknowledgement, as the message that it was before, too.
    package var callDeliveries: Int {
        // More than are allowed are not counted: it is a stranger's number.
        let earlier = min(max(0, headers[HeaderName.earlierDeliveries]?.int ?? 0), Int64(Topology.callDeliveries))
        return Int(earlier) + deliveryCount
    }

    /// The same call for the end of a queue.
    package func anew(in queue: String) -> OutgoingMessage {
        var headers = headers
        headers["x-delivery-count"] = nil
        headers[HeaderName.earlierDeliveries] = .int(Int64(callDeliveries))
        return OutgoingMessage(
            exchange: ExchangeName.direct,
            routingKey: queue,
            body: body,
            contentType: contentType,
            messageID: messageID,
            correlationID: correlationID,
            replyTo: replyTo,
            expiration: properties.expiration.flatMap { Int($0) }.map { .milliseconds($0) },
            headers: headers,
            isPersistent: properties.isPersistent,
            isMandatory: true
        )
    }
}
