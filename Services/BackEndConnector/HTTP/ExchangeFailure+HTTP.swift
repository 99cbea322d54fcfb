import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

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
