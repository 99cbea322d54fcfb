import AsyncHTTPClient
import Contracts
import Foundation
import JSON
import NIOCore
import NIOPosix
import NIOSSL

/// Why an exchange with a back end gave no answer that can be used.
enum ExchangeFailure: Error, Hashable, Sendable {
    /// No connection could be made.
    case connectFailed(String)
    /// The time was over.
    case timeout
    /// The connection broke, or what came over it was no HTTP.
    case connectionLost(String)
    /// The body is larger than the connector's limit.
    case responseTooLarge(limit: Int)
    /// The body is not JSON, and the transaction says that it is.
    case notJSON(String)
    /// Redirected in a circle, too often, or to where it may not go.
    case redirectRefused(String)
    /// The status is not among those that the transaction accepts.
    case httpStatus(Int, excerpt: String)
    /// Calls of this connector are refused for a while.
    case circuitOpen(retryAfter: Duration)
    /// Too many calls of this connector wait already.
    case busy
    /// The process is ending.
    case cancelled

    /// The word for programs.
    var code: String {
        switch self {
        case .connectFailed: "connect_failed"
        case .timeout: "timeout"
        case .connectionLost: "connection_lost"
        case .responseTooLarge: "response_too_large"
        case .notJSON: "not_json"
        case .redirectRefused: "redirect_refused"
        case .httpStatus: "http_status"
        case .circuitOpen: "circuit_open"
        case .busy: "busy"
        case .cancelled: "cancelled"
        }
    }

    /// Whether the request may have had its effect.
    ///
    /// A status below 500 says that the request was refused, and so does 503; another one of the server's own errors
    /// may have come in the middle of the work.
    var effect: Failure.Effect {
        switch self {
        case .connectFailed, .circuitOpen, .busy: .none
        case .httpStatus(let status, _): status < 500 && status >= 300 || status == 503 ? .none : .unknown
        case .timeout, .connectionLost, .responseTooLarge, .notJSON, .redirectRefused, .cancelled: .unknown
        }
    }

    /// Whether it says that the back end is not there, as opposed to having answered.
    var outcome: CircuitBreaker.Outcome {
        switch self {
        case .connectFailed, .timeout, .connectionLost: .failed
        case .responseTooLarge, .notJSON, .redirectRefused, .httpStatus: .answered
        case .circuitOpen, .busy, .cancelled: .abandoned
        }
    }

    /// Whether the same request may be sent again at once: it certainly did not happen, or happening twice is harmless.
    func mayBeRepeated(isIdempotent: Bool) -> Bool {
        switch self {
        case .connectFailed: true
        case .connectionLost: isIdempotent
        default: false
        }
    }
}

extension ExchangeFailure {
    /// The failure as the caller is told.
    func failure(of transaction: String) -> Failure {
        Failure(code: code, message: "\(transaction): \(reason)", details: details, effect: effect)
    }

    private var reason: String {
        switch self {
        case .connectFailed(let reason): "the back end cannot be reached: \(reason)"
        case .timeout: "the back end did not answer in time"
        case .connectionLost(let reason): "the connection to the back end broke: \(reason)"
        case .responseTooLarge(let limit): "the back end answered more than \(limit) bytes"
        case .notJSON(let reason): "the back end's answer is no JSON: \(reason)"
        case .redirectRefused(let reason): "the back end's redirect is not followed: \(reason)"
        case .httpStatus(let status, _): "the back end answered with status \(status)"
        case .circuitOpen: "the back end has not answered lately; calls are refused for a while"
        case .busy: "too many calls of this connector are waiting"
        case .cancelled: "the back-end connector is ending"
        }
    }

    private var details: JSONValue {
        switch self {
        case .httpStatus(let status, let excerpt):
            ["status": .number(JSONNumber(status)), "body": .string(excerpt)]
        case .circuitOpen(let retryAfter):
            ["retryAfterSeconds": .number(JSONNumber(Int(retryAfter.components.seconds) + 1))]
        default: .null
        }
    }
}

extension ExchangeFailure {
    /// What an error of the HTTP client means; whatever it does not know may have happened after the request was sent.
    init(_ error: any Error) {
        switch error {
        case let error as ExchangeFailure: self = error
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self = Self.meaning(of: error)
        case let error as NIOConnectionError: self = .connectFailed(Self.reason(of: error))
        case let error as ChannelError:
            if case .connectTimeout = error {
                self = .connectFailed("no connection in time")
            } else {
                self = .connectionLost("the channel failed")
            }
        case let error as IOError: self = Self.meaning(of: error)
        case let error as NIOSSLError:
            if case .handshakeFailed = error {
                self = .connectFailed("the TLS handshake failed")
            } else {
                self = .connectionLost("TLS failed")
            }
        case is NIOSSLExtraError: self = .connectFailed("the server's certificate is not valid for its name")
        default: self = .connectionLost("\(type(of: error))")
        }
    }

    private static func meaning(of error: HTTPClientError) -> ExchangeFailure {
        switch error {
        case .connectTimeout: .connectFailed("no connection in time")
        case .tlsHandshakeTimeout: .connectFailed("the TLS handshake took too long")
        case .getConnectionFromPoolTimeout: .connectFailed("no connection was free in time")
        case .deadlineExceeded, .readTimeout, .writeTimeout: .timeout
        case .cancelled: .cancelled
        default: .connectionLost(error.shortDescription)
        }
    }

    private static func meaning(of error: IOError) -> ExchangeFailure {
        switch error.errnoCode {
        case ECONNREFUSED: .connectFailed("connection refused")
        case EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL: .connectFailed("no route to the host")
        case ECONNRESET, EPIPE: .connectionLost("connection reset")
        default: .connectionLost("error \(error.errnoCode) of the system")
        }
    }

    private static func reason(of error: NIOConnectionError) -> String {
        guard error.connectionErrors.isEmpty else {
            let isRefused = error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
            return isRefused ? "connection refused" : "no connection to any of its addresses"
        }
        return "its name cannot be resolved"
    }
}
