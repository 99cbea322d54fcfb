import Hummingbird
import JSON
import NIOCore

/// What the API refuses, with its status: `{"error": …, "message": …}`.
enum APIError: Error, Hashable {
    /// The body or a query parameter cannot be read at all.
    case badRequest(String)
    case unauthorized(String)
    case tooLarge(limit: Int)
    case notFound(String)
    /// The request can be read and asks for what cannot be; the member that is wrong, and why.
    case invalid(member: String, reason: String)
    /// The idempotency key was used for another request.
    case keyReused
    /// The database does not answer.
    case unavailable

    var status: HTTPResponse.Status {
        switch self {
        case .badRequest: .badRequest
        case .unauthorized: .unauthorized
        case .tooLarge: .contentTooLarge
        case .notFound: .notFound
        case .invalid, .keyReused: .unprocessableContent
        case .unavailable: .serviceUnavailable
        }
    }

    private var code: String {
        switch self {
        case .badRequest: "bad_request"
        case .unauthorized: "unauthorized"
        case .tooLarge: "too_large"
        case .notFound: "not_found"
        case .invalid: "invalid"
        case .keyReused: "idempotency_key_reused"
        case .unavailable: "unavailable"
        }
    }

    private var message: String {
        switch self {
        case .badRequest(let reason), .unauthorized(let reason): reason
        case .tooLarge(let limit): "The body is larger than \(limit) bytes."
        case .notFound(let what): "There is no \(what)."
        case .invalid(let member, let reason): "\(member): \(reason)"
        case .keyReused: "This Idempotency-Key was used for another request."
        case .unavailable: "The database does not answer."
        }
    }

    var response: Response {
        .json(["error": .string(code), "message": .string(message)], status: status)
    }
}

extension Response {
    /// An answer with that JSON value.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        json(value.bytes, status: status)
    }

    /// An answer with bytes that are JSON.
    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}
