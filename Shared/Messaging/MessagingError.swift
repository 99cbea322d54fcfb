/// Why a message could not be sent, or a connection, channel or consumer could not be had.
///
/// No case carries a password, a message body or a whole URL.
package enum MessagingError: Error, Sendable, Hashable {
    /// The URL or a setting is wrong; the text names what, and never shows user or password.
    case invalidConfiguration(String)
    /// The message cannot be sent as it is: too large, a name too long, headers out of bounds.
    case invalidMessage(String)
    /// The broker cannot be reached, or the connection broke: the library's words.
    case connectionFailed(String)
    /// The broker refused user and password, or the virtual host.
    case accessRefused(String)
    /// The broker closed the connection, with its code and text.
    case connectionClosed(code: Int, text: String)
    /// The broker closed the channel because of what was asked on it, with its code and text.
    case channelClosed(code: Int, text: String)
    /// A mandatory message reached no queue.
    case unroutable(exchange: String, routingKey: String)
    /// The broker took the message and could not keep it (`basic.nack`: a full queue, an internal error).
    case notAccepted
    /// The broker takes no messages at present (`connection.blocked`), with its reason.
    case blocked(String)
    /// The deadline passed before anything was sent; the text says what was waited for.
    case notSent(String)
    /// The deadline passed; the text says what was waited for. A message may have reached its queues nevertheless.
    case timedOut(String)
    /// The waiting task was cancelled. A message may have reached its queues nevertheless.
    case cancelled
    /// The broker object was closed.
    case closed

    /// A bounded word, for metrics and for log fields.
    package var code: String {
        switch self {
        case .invalidConfiguration: "invalid_configuration"
        case .invalidMessage: "invalid_message"
        case .connectionFailed: "connection_failed"
        case .accessRefused: "access_refused"
        case .connectionClosed: "connection_closed"
        case .channelClosed: "channel_closed"
        case .unroutable: "unroutable"
        case .notAccepted: "not_accepted"
        case .blocked: "blocked"
        case .notSent: "not_sent"
        case .timedOut: "timed_out"
        case .cancelled: "cancelled"
        case .closed: "closed"
        }
    }
}

extension MessagingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidConfiguration(let reason): "messaging configuration: \(reason)"
        case .invalidMessage(let reason): "message cannot be sent: \(reason)"
        case .connectionFailed(let reason): "message broker not reachable: \(reason)"
        case .accessRefused(let reason): "message broker refused access: \(reason)"
        case .connectionClosed(let code, let text): "message broker closed the connection: \(code) \(text)"
        case .channelClosed(let code, let text): "message broker closed the channel: \(code) \(text)"
        case .unroutable(let exchange, let routingKey):
            "no queue for exchange '\(exchange)', routing key '\(routingKey)'"
        case .notAccepted: "message broker did not accept the message"
        case .blocked(let reason): "message broker takes no messages: \(reason)"
        case .notSent(let what): "not sent in time: \(what)"
        case .timedOut(let what): "timed out: \(what)"
        case .cancelled: "cancelled"
        case .closed: "messaging is closed"
        }
    }
}
