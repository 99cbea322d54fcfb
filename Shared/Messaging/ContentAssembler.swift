/// Puts together a message from its method, its header and its body fragments (AMQP 0-9-1, section 4.2.6).
struct ContentAssembler {
    /// The method that carries a content.
    enum Method {
        case delivery(tag: UInt64, isRedelivered: Bool)
        case returned
    }

    /// What came, once it is complete.
    enum Content {
        case delivery(tag: UInt64, IncomingMessage)
        /// A delivery whose body is larger than allowed: it was not kept.
        case oversized(tag: UInt64, size: UInt64)
        case returned(MessageProperties)
    }

    private enum State {
        case idle
        case header(Method, exchange: String, routingKey: String)
        case body(Method, IncomingMessage, remaining: UInt64)
        case skipping(Method, MessageProperties, size: UInt64, remaining: UInt64)
    }

    private let maximumSize: Int
    private var state = State.idle

    init(maximumSize: Int) {
        self.maximumSize = maximumSize
    }

    mutating func begin(_ method: Method, exchange: String, routingKey: String) throws(MessagingError) {
        guard case .idle = state else { throw Self.outOfOrder }
        state = .header(method, exchange: exchange, routingKey: routingKey)
    }

    /// - Parameter limit: How large this body may be; as large as any unless it is said otherwise.
    mutating func header(
        size: UInt64,
        _ properties: MessageProperties,
        limit: Int? = nil
    ) throws(MessagingError) -> Content? {
        guard case .header(let method, let exchange, let routingKey) = state else { throw Self.outOfOrder }
        let isRedelivered = if case .delivery(_, true) = method { true } else { false }
        guard size <= UInt64(limit ?? maximumSize), !method.isReturn else {
            state = .skipping(method, properties, size: size, remaining: size)
            return finishIfComplete()
        }
        let message = IncomingMessage(
            exchange: exchange,
            routingKey: routingKey,
            body: [],
            properties: properties,
            isRedelivered: isRedelivered
        )
        state = .body(method, message, remaining: size)
        return finishIfComplete()
    }

    mutating func body(_ fragment: [UInt8]) throws(MessagingError) -> Content? {
        let count = UInt64(fragment.count)
        switch state {
        case .body(let method, var message, let remaining) where count <= remaining:
            state = .idle
            if message.body.isEmpty {
                message.body = fragment
                if count < remaining { message.body.reserveCapacity(Int(remaining)) }
            } else {
                message.body.append(contentsOf: fragment)
            }
            state = .body(method, message, remaining: remaining - count)
        case .skipping(let method, let properties, let size, let remaining) where count <= remaining:
            state = .skipping(method, properties, size: size, remaining: remaining - count)
        default:
            throw Self.outOfOrder
        }
        return finishIfComplete()
    }

    private mutating func finishIfComplete() -> Content? {
        switch state {
        case .body(.delivery(let tag, _), let message, 0):
            state = .idle
            return .delivery(tag: tag, message)
        case .skipping(.delivery(let tag, _), _, let size, 0):
            state = .idle
            return .oversized(tag: tag, size: size)
        case .skipping(.returned, let properties, _, 0):
            state = .idle
            return .returned(properties)
        default: return nil
        }
    }

    private static let outOfOrder = MessagingError.connectionFailed("frames of a message came out of order")
}

extension ContentAssembler.Method {
    fileprivate var isReturn: Bool {
        guard case .returned = self else { return false }
        return true
    }
}
