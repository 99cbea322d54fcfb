internal import CRabbitMQ

/// What the broker said, as far as anybody here listens: one method, content header or body fragment.
enum InboundFrame {
    case deliver(tag: UInt64, isRedelivered: Bool, exchange: String, routingKey: String)
    case returned(exchange: String, routingKey: String)
    case header(bodySize: UInt64, properties: MessageProperties)
    case body([UInt8])
    case confirm(tag: UInt64, isMultiple: Bool, isAccepted: Bool)
    case consumerCancelled
    case prefetchSet
    case blocked(reason: String)
    case unblocked
    case channelClosed(code: Int, text: String)
    case connectionClosed(code: Int, text: String)
    case other

    init(_ frame: amqp_frame_t) {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: self = Self.method(frame.payload.method)
        case AMQP_FRAME_HEADER:
            self = .header(bodySize: frame.payload.properties.body_size, properties: MessageProperties(frame))
        case AMQP_FRAME_BODY: self = .body(frame.payload.body_fragment.copied)
        default: self = .other
        }
    }

    private static func method(_ method: amqp_method_t) -> InboundFrame {
        guard let decoded = method.decoded else { return .other }
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            return .deliver(
                tag: deliver.delivery_tag,
                isRedelivered: deliver.redelivered != 0,
                exchange: deliver.exchange.repairedText,
                routingKey: deliver.routing_key.repairedText
            )
        case AMQP_BASIC_RETURN_METHOD:
            let returned = decoded.load(as: amqp_basic_return_t.self)
            return .returned(exchange: returned.exchange.repairedText, routingKey: returned.routing_key.repairedText)
        case AMQP_BASIC_ACK_METHOD:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            return .confirm(tag: ack.delivery_tag, isMultiple: ack.multiple != 0, isAccepted: true)
        case AMQP_BASIC_NACK_METHOD:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            return .confirm(tag: nack.delivery_tag, isMultiple: nack.multiple != 0, isAccepted: false)
        case AMQP_BASIC_CANCEL_METHOD: return .consumerCancelled
        case AMQP_BASIC_QOS_OK_METHOD: return .prefetchSet
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return .blocked(reason: decoded.load(as: amqp_connection_blocked_t.self).reason.repairedText)
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.load(as: amqp_channel_close_t.self)
            return .channelClosed(code: Int(close.reply_code), text: close.reply_text.repairedText)
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.load(as: amqp_connection_close_t.self)
            return .connectionClosed(code: Int(close.reply_code), text: close.reply_text.repairedText)
        default: return .other
        }
    }
}
