/// How to reach the message broker, and the bounds of its use.
package struct MessagingConfiguration: Sendable {
    let address: BrokerAddress
    /// Shown by the broker's management tools.
    package var connectionName = "full-sync"
    /// A peer that is silent for twice as long is taken for dead.
    ///
    /// Whole seconds, 1 to 3,600; the broker may lower it.
    package var heartbeat: Duration = .seconds(20)
    /// For the TCP and TLS connection, for the log-in, and for each answer of the broker while setting up.
    package var connectTimeout: Duration = .seconds(10)
    /// How long a message may wait to be sent and confirmed, being disconnected or blocked included.
    package var confirmTimeout: Duration = .seconds(30)
    /// Messages sent and not yet confirmed; more wait their turn.
    package var maximumUnconfirmed = 1_000
    /// Bytes of a body, in both directions.
    ///
    /// A larger incoming message is rejected unread.
    package var maximumMessageSize = 16 * 1_024 * 1_024
    /// How long handlers may take to finish after their consumer was cancelled, before they are cancelled themselves.
    package var handlerGracePeriod: Duration = .seconds(20)
    /// The first pause before a reconnection; it doubles up to `maximumReconnectDelay`, and each is randomised.
    package var reconnectDelay: Duration = .milliseconds(200)
    package var maximumReconnectDelay: Duration = .seconds(10)

    /// Whether the broker's address, as 4 or 16 bytes, may be reached: asked at each connection, before the log-in.
    package var allowsAddress: @Sendable ([UInt8]) -> Bool = { _ in true }

    /// From an `amqp` or `amqps` URL.
    ///
    /// The path is the virtual host, percent-encoded (none: `/`). The parameters `cacertfile`, `certfile`, `keyfile`
    /// and
    /// `verify` (`verify_peer`, the default, or `verify_none`) are those of the RabbitMQ URI specification. Without
    /// `cacertfile`, `amqps` trusts the system's authorities.
    package init(url: String) throws(MessagingError) {
        address = try BrokerAddress(url: url)
    }

    /// Checks the numbers, so that nothing further down meets one that makes no sense.
    func validate() throws(MessagingError) {
        guard (1...3_600).contains(heartbeat.components.seconds) else {
            throw .invalidConfiguration("the heartbeat must be between 1 and 3600 seconds")
        }
        guard connectTimeout > .zero, confirmTimeout > .zero, reconnectDelay > .zero else {
            throw .invalidConfiguration("time-outs and delays must be positive")
        }
        guard handlerGracePeriod >= .zero, maximumReconnectDelay >= reconnectDelay else {
            throw .invalidConfiguration("the grace period is negative, or the largest delay is below the first")
        }
        guard (1...100_000).contains(maximumUnconfirmed) else {
            throw .invalidConfiguration("maximumUnconfirmed must be between 1 and 100000")
        }
        guard (1...512 * 1_024 * 1_024).contains(maximumMessageSize) else {
            throw .invalidConfiguration("maximumMessageSize must be between 1 byte and 512 MiB")
        }
        guard connectionName.utf8.count <= 255 else {
            throw .invalidConfiguration("the connection name has more than 255 bytes")
        }
    }
}
