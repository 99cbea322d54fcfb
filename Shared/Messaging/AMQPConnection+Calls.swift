internal import CRabbitMQ
internal import Glibc

// Methods that wait for the broker's answer. An error of the channel is confirmed to the broker and thrown as
// `channelClosed`: that channel has to be opened again.

extension AMQPConnection {
    func openChannel(_ channel: UInt16) throws(MessagingError) {
        var request = amqp_channel_open_t(out_of_band: amqp_empty_bytes)
        try call(channel, AMQP_CHANNEL_OPEN_METHOD, AMQP_CHANNEL_OPEN_OK_METHOD, &request)
    }

    /// Closes the channel; the broker gives back what was delivered on it and not settled.
    func closeChannel(_ channel: UInt16) throws(MessagingError) {
        try check(amqp_channel_close(state, channel, AMQP_REPLY_SUCCESS), channel: channel)
        amqp_maybe_release_buffers_on_channel(state, channel)
    }

    /// From now on the broker confirms what is published on the channel.
    func selectConfirms(_ channel: UInt16) throws(MessagingError) {
        var request = amqp_confirm_select_t(nowait: 0)
        try call(channel, AMQP_CONFIRM_SELECT_METHOD, AMQP_CONFIRM_SELECT_OK_METHOD, &request)
    }

    func declareExchange(_ channel: UInt16, name: String, type: String) throws(MessagingError) {
        defer { arena.recycle() }
        var request = amqp_exchange_declare_t()
        request.exchange = arena.bytes(name)
        request.type = arena.bytes(type)
        request.durable = 1
        try call(channel, AMQP_EXCHANGE_DECLARE_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD, &request)
    }

    func declareQueue(_ channel: UInt16, _ declaration: QueueDeclaration) throws(MessagingError) {
        defer { arena.recycle() }
        var request = amqp_queue_declare_t()
        request.queue = arena.bytes(declaration.name)
        request.durable = declaration.isDurable ? 1 : 0
        request.exclusive = declaration.isExclusive ? 1 : 0
        request.auto_delete = declaration.isAutoDelete ? 1 : 0
        request.arguments = arena.table(declaration.arguments)
        try call(channel, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD, &request)
    }

    func bind(_ channel: UInt16, queue: String, exchange: String, routingKey: String) throws(MessagingError) {
        defer { arena.recycle() }
        var request = amqp_queue_bind_t()
        request.queue = arena.bytes(queue)
        request.exchange = arena.bytes(exchange)
        request.routing_key = arena.bytes(routingKey)
        try call(channel, AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_BIND_OK_METHOD, &request)
    }

    /// How many deliveries may be unsettled on the channel's consumer.
    func setPrefetch(_ channel: UInt16, _ count: UInt16) throws(MessagingError) {
        var request = amqp_basic_qos_t(prefetch_size: 0, prefetch_count: count, global: 0)
        try call(channel, AMQP_BASIC_QOS_METHOD, AMQP_BASIC_QOS_OK_METHOD, &request)
    }

    func consume(_ channel: UInt16, queue: String, consumerTag: String) throws(MessagingError) {
        defer { arena.recycle() }
        var request = amqp_basic_consume_t()
        request.queue = arena.bytes(queue)
        request.consumer_tag = arena.bytes(consumerTag)
        try call(channel, AMQP_BASIC_CONSUME_METHOD, AMQP_BASIC_CONSUME_OK_METHOD, &request)
    }

    private func call<Request>(
        _ channel: UInt16,
        _ method: amqp_method_number_t,
        _ answer: amqp_method_number_t,
        _ request: inout Request
    ) throws(MessagingError) {
        var answers: [amqp_method_number_t] = [answer, 0]
        let reply = withUnsafeMutablePointer(to: &request) {
            amqp_simple_rpc(state, channel, method, &answers, $0)
        }
        try check(reply, channel: channel)
        amqp_maybe_release_buffers_on_channel(state, channel)
    }

    /// Throws what a reply says.
    func check(_ reply: amqp_rpc_reply_t, channel: UInt16) throws(MessagingError) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: break
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: throw .connectionFailed(Self.text(reply.library_error))
        default: throw .connectionFailed("the connection ended")
        }
        switch (reply.reply.id, reply.reply.decoded) {
        case (AMQP_CHANNEL_CLOSE_METHOD, let decoded?):
            let close = decoded.load(as: amqp_channel_close_t.self)
            let error = MessagingError.channelClosed(
                code: Int(close.reply_code),
                text: close.reply_text.repairedText
            )
            try confirmClose(channel)
            throw error
        case (AMQP_CONNECTION_CLOSE_METHOD, let decoded?):
            let close = decoded.load(as: amqp_connection_close_t.self)
            throw .connectionClosed(code: Int(close.reply_code), text: close.reply_text.repairedText)
        default:
            throw .connectionFailed("an answer that does not belong to the question")
        }
    }

    static func check(_ status: Int32) throws(MessagingError) {
        guard status == AMQP_STATUS_OK.rawValue else {
            throw .connectionFailed(text(status))
        }
    }

    /// The library's words for a status (`amqp_error_string2`).
    static func text(_ status: Int32) -> String {
        amqp_error_string2(status).map { String(cString: $0) } ?? "status \(status)"
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
