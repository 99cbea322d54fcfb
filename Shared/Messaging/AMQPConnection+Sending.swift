internal import CRabbitMQ

// Frames that are sent and not waited for. The caller has seen that the socket is writable: the library blocks when it
// is not.

extension AMQPConnection {
    /// Bytes of a body in one frame: less than the broker would take, so that a writable socket has room for one.
    static let bodyFrameSize = 32 * 1_024

    /// Sends what comes before the body; the number of bytes is about what it took.
    func sendPublish(
        _ channel: UInt16,
        _ message: OutgoingMessage,
        headers: [String: HeaderValue]
    ) throws(MessagingError) -> Int {
        defer { arena.recycle() }
        var publish = amqp_basic_publish_t()
        publish.exchange = arena.bytes(message.exchange)
        publish.routing_key = arena.bytes(message.routingKey)
        publish.mandatory = message.isMandatory ? 1 : 0
        try send(channel, AMQP_BASIC_PUBLISH_METHOD, &publish)

        var properties = properties(message, headers: headers)
        var frame = amqp_frame_t()
        frame.frame_type = UInt8(AMQP_FRAME_HEADER)
        frame.channel = channel
        frame.payload.properties.class_id = UInt16(AMQP_BASIC_CLASS)
        frame.payload.properties.body_size = UInt64(message.body.count)
        let status = withUnsafeMutablePointer(to: &properties) {
            frame.payload.properties.decoded = UnsafeMutableRawPointer($0)
            return amqp_send_frame(state, &frame)
        }
        try Self.check(status)
        return 256 + (headers.isEmpty ? 0 : 1_024)
    }

    /// Sends the next frame of a body.
    func sendBody(_ channel: UInt16, _ body: [UInt8], _ range: Range<Int>) throws(MessagingError) {
        let status = body.withUnsafeBytes { bytes in
            var frame = amqp_frame_t()
            frame.frame_type = UInt8(AMQP_FRAME_BODY)
            frame.channel = channel
            let fragment = UnsafeRawBufferPointer(rebasing: bytes[range])
            frame.payload.body_fragment = amqp_bytes_t(
                len: fragment.count,
                bytes: UnsafeMutableRawPointer(mutating: fragment.baseAddress)
            )
            return amqp_send_frame(state, &frame)
        }
        try Self.check(status)
    }

    /// - Parameter multiple: Whether all deliveries up to that one are acknowledged.
    func acknowledge(_ channel: UInt16, tag: UInt64, multiple: Bool) throws(MessagingError) {
        try Self.check(amqp_basic_ack(state, channel, tag, multiple ? 1 : 0))
    }

    /// Back to the queue (`basic.nack`).
    func giveBack(_ channel: UInt16, tag: UInt64) throws(MessagingError) {
        try Self.check(amqp_basic_nack(state, channel, tag, 0, 1))
    }

    /// To the dead-letter queue (`basic.reject`).
    func reject(_ channel: UInt16, tag: UInt64) throws(MessagingError) {
        try Self.check(amqp_basic_reject(state, channel, tag, 0))
    }

    /// Ends a consumer without waiting for the answer.
    func cancelConsumer(_ channel: UInt16, consumerTag: String) throws(MessagingError) {
        defer { arena.recycle() }
        var request = amqp_basic_cancel_t(consumer_tag: arena.bytes(consumerTag), nowait: 1)
        try send(channel, AMQP_BASIC_CANCEL_METHOD, &request)
    }

    /// A question that costs the broker nothing and is always answered (`basic.qos`, answered by `prefetchSet`).
    func probe(_ channel: UInt16) throws(MessagingError) {
        var request = amqp_basic_qos_t(prefetch_size: 0, prefetch_count: 0, global: 0)
        try send(channel, AMQP_BASIC_QOS_METHOD, &request)
    }

    /// Answers the broker's `channel.close`; the channel may then be opened again.
    func confirmClose(_ channel: UInt16) throws(MessagingError) {
        var answer = amqp_channel_close_ok_t()
        try send(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer)
    }

    /// Answers the broker's `connection.close`, as far as it still listens.
    func confirmConnectionClose() {
        var answer = amqp_connection_close_ok_t()
        try? send(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer)
    }

    private func send<Method>(
        _ channel: UInt16,
        _ method: amqp_method_number_t,
        _ value: inout Method
    ) throws(MessagingError) {
        let status = withUnsafeMutablePointer(to: &value) { amqp_send_method(state, channel, method, $0) }
        try Self.check(status)
    }

    private func properties(
        _ message: OutgoingMessage,
        headers: [String: HeaderValue]
    ) -> amqp_basic_properties_t {
        var properties = amqp_basic_properties_t()
        var flags = AMQP_BASIC_DELIVERY_MODE_FLAG
        properties.delivery_mode = message.isPersistent ? 2 : 1
        func set(_ text: String?, _ flag: Int32, _ field: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>) {
            guard let text else { return }
            properties[keyPath: field] = arena.bytes(text)
            flags |= flag
        }
        set(message.contentType, AMQP_BASIC_CONTENT_TYPE_FLAG, \.content_type)
        set(message.messageID, AMQP_BASIC_MESSAGE_ID_FLAG, \.message_id)
        set(message.correlationID, AMQP_BASIC_CORRELATION_ID_FLAG, \.correlation_id)
        set(message.replyTo, AMQP_BASIC_REPLY_TO_FLAG, \.reply_to)
        set(message.expiration.map { String($0.milliseconds) }, AMQP_BASIC_EXPIRATION_FLAG, \.expiration)
        if !headers.isEmpty {
            properties.headers = arena.table(headers)
            flags |= AMQP_BASIC_HEADERS_FLAG
        }
        properties._flags = amqp_flags_t(flags)
        return properties
    }
}
