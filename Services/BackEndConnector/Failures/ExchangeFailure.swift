import Contracts
import Foundation
import JSON
import Projects

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
    /// The body is not XML, and the transaction says that it is.
    case notXML(String)
    /// The body is not text in its character set, and the transaction says that it is.
    case notText
    /// Redirected in a circle, too often, or to where it may not go.
    case redirectRefused(String)
    /// The status is not among those that the transaction accepts.
    case httpStatus(Int, excerpt: String)
    /// The back end refused, in words of its own.
    case refused(BackEndRefusal)
    /// The answer has more rows or entries than the connector's limit.
    case tooManyRows(limit: Int)
    /// The address that the back end's name stands for is none that the project may reach.
    case addressRefused(IPAddress.Reach)
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
        case .notXML: "not_xml"
        case .notText: "not_text"
        case .redirectRefused: "redirect_refused"
        case .httpStatus: "http_status"
        case .refused(let refusal): refusal.code
        case .tooManyRows: "too_many_rows"
        case .addressRefused: "address_refused"
        case .circuitOpen: "circuit_open"
        case .busy: "busy"
        case .cancelled: "cancelled"
        }
    }

    /// Whether the request may have had its effect.
    ///
    /// A status from 400 to 499 says that the request was refused, and so does 503; another one of the server's own
    /// errors may have come in the middle of the work, and a redirect after it.
    var effect: Failure.Effect {
        switch self {
        case .connectFailed, .addressRefused, .circuitOpen, .busy: .none
        case .refused(let refusal): refusal.effect
        case .httpStatus(let status, _): 400..<500 ~= status || status == 503 ? .none : .unknown
        case .timeout, .connectionLost, .responseTooLarge, .tooManyRows, .notJSON, .notXML, .notText, .redirectRefused,
            .cancelled:
            .unknown
        }
    }

    /// Whether it says that the back end is not there, as opposed to having answered.
    var outcome: CircuitBreaker.Outcome {
        switch self {
        case .connectFailed, .timeout, .connectionLost: .failed
        case .responseTooLarge, .tooManyRows, .notJSON, .notXML, .notText, .redirectRefused, .httpStatus, .refused:
            .answered
        case .addressRefused, .circuitOpen, .busy, .cancelled: .abandoned
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
        case .notXML(let reason): "the back end's answer is no XML: \(reason)"
        case .notText: "the back end's answer is no text in the character set that it names"
        case .redirectRefused(let reason): "the back end's redirect is not followed: \(reason)"
        case .httpStatus(let status, _): "the back end answered with status \(status)"
        case .refused(let refusal): refusal.reason
        case .tooManyRows(let limit): "the back end answered more than \(limit) rows"
        case .addressRefused(let reach):
            "its address (\(reach.rawValue)) is none that the connector's 'addresses' allow"
        case .circuitOpen: "the back end has not answered lately; calls are refused for a while"
        case .busy: "too many calls of this connector are waiting"
        case .cancelled: "the back-end connector is ending"
        }
    }

    private var details: JSONValue {
        switch self {
        case .httpStatus(let status, let excerpt):
            ["status": .number(JSONNumber(status)), "body": .string(excerpt)]
        case .refused(let refusal): refusal.details
        case .circuitOpen(let retryAfter):
            ["retryAfterSeconds": .number(JSONNumber(Int(retryAfter.components.seconds) + 1))]
        default: .null
        }
    }
}

/// What a back end refused with, when it answers with more than a status.
struct BackEndRefusal: Error, Hashable, Sendable {
    /// The word for programs.
    let code: String
    /// A sentence for people that holds no value of the back end's.
    let reason: String
    /// What the back end said itself, for the sequence alone.
    var details: JSONValue = .null
    /// Whether it may have had its effect all the same.
    var effect: Failure.Effect = .none
}
