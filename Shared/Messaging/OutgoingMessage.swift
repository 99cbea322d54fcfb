/// A message to publish.
package struct OutgoingMessage: Sendable, Hashable {
    /// Empty for the default exchange, which routes to the queue that the routing key names.
    package var exchange: String
    package var routingKey: String
    package var body: [UInt8]
    package var contentType: String?
    package var messageID: String?
    package var correlationID: String?
    package var replyTo: String?
    /// How long the message may wait in a queue; whole milliseconds.
    package var expiration: Duration?
    package var headers: [String: HeaderValue]
    /// Kept by the broker across its restart, in queues that are durable.
    package var isPersistent: Bool
    /// Publishing fails with ``MessagingError/unroutable(exchange:routingKey:)`` when no queue takes the message.
    package var isMandatory: Bool
    /// Whether the body may be larger than is allowed otherwise: that of a message which came like that, and is kept.
    package var mayBeOversized = false

    package init(
        exchange: String,
        routingKey: String,
        body: [UInt8],
        contentType: String? = nil,
        messageID: String? = nil,
        correlationID: String? = nil,
        replyTo: String? = nil,
        expiration: Duration? = nil,
        headers: [String: HeaderValue] = [:],
        isPersistent: Bool = true,
        isMandatory: Bool = false
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.contentType = contentType
        self.messageID = messageID
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.expiration = expiration
        self.headers = headers
        self.isPersistent = isPersistent
        self.isMandatory = isMandatory
    }
}

extension OutgoingMessage {
    /// A text of any length as a message id, the same for the same text: itself, or its beginning and a hash of it.
    package static func messageID(_ text: String) -> String {
        guard text.utf8.count > HeaderLimits.shortString else { return text }
        // FNV-1a, 64 bits: nobody who could make two texts alike would gain anything.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let tail = "#" + String(hash, radix: 16)
        var beginning = text.utf8.prefix(HeaderLimits.shortString - tail.utf8.count)
        // Whole characters only.
        while String(beginning) == nil { beginning = beginning.dropLast() }
        return String(decoding: beginning, as: UTF8.self) + tail
    }

    /// Checks everything that the wire has a bound for, so that a message that is taken can be written.
    func validate(maximumSize: Int) throws(MessagingError) {
        let maximumSize = mayBeOversized ? max(maximumSize, ConsumerInbox.largestOversize) : maximumSize
        guard body.count <= maximumSize else {
            throw .invalidMessage("its body has \(body.count) bytes, \(maximumSize) are allowed")
        }
        try Self.checkShort(exchange, "exchange")
        try Self.checkShort(routingKey, "routing key")
        try Self.checkShort(contentType, "content type")
        try Self.checkShort(messageID, "message id")
        try Self.checkShort(correlationID, "correlation id")
        try Self.checkShort(replyTo, "reply-to")
        if let expiration, expiration < .zero || expiration > .seconds(366 * 86_400) {
            throw .invalidMessage("its expiration is negative or longer than a year")
        }
        var budget = HeaderBudget()
        try budget.spend(on: headers, depth: 1)
    }

    private static func checkShort(_ text: String?, _ name: String) throws(MessagingError) {
        guard let text, text.utf8.count > HeaderLimits.shortString else { return }
        throw .invalidMessage("its \(name) has \(text.utf8.count) bytes, \(HeaderLimits.shortString) are allowed")
    }
}

/// What a header table may still hold.
private struct HeaderBudget {
    private var values = HeaderLimits.values
    private var bytes = HeaderLimits.bytes

    mutating func spend(on table: [String: HeaderValue], depth: Int) throws(MessagingError) {
        guard depth <= HeaderLimits.depth else {
            throw .invalidMessage("its headers are nested deeper than \(HeaderLimits.depth)")
        }
        for (key, value) in table {
            guard key.utf8.count <= HeaderLimits.shortString else {
                throw .invalidMessage("a header's name has more than \(HeaderLimits.shortString) bytes")
            }
            try spend(bytes: key.utf8.count)
            try spend(on: value, depth: depth)
        }
    }

    private mutating func spend(on value: HeaderValue, depth: Int) throws(MessagingError) {
        values -= 1
        guard values >= 0 else {
            throw .invalidMessage("its headers hold more than \(HeaderLimits.values) values")
        }
        switch value {
        case .null, .bool, .int, .double, .decimal, .timestamp: try spend(bytes: 16)
        case .string(let text): try spend(bytes: text.utf8.count)
        case .bytes(let bytes): try spend(bytes: bytes.count)
        case .table(let table): try spend(on: table, depth: depth + 1)
        case .array(let values):
            guard depth < HeaderLimits.depth else {
                throw .invalidMessage("its headers are nested deeper than \(HeaderLimits.depth)")
            }
            for value in values {
                try spend(on: value, depth: depth + 1)
            }
        }
    }

    /// Takes `count` bytes, and what the type and the lengths take on the wire.
    private mutating func spend(bytes count: Int) throws(MessagingError) {
        bytes -= count + 6
        guard bytes >= 0 else {
            throw .invalidMessage("its headers take more than \(HeaderLimits.bytes) bytes")
        }
    }
}
