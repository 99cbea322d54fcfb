import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// One request with all that is known of it before its resource looks at it.
struct Exchange: Sendable {
    let request: Request
    let principal: Principal
    let client: ClientConnection
    /// The connection that the request came by.
    let channel: any Channel
    let query: Query
    let limits: EndpointLimits

    var method: HTTPRequest.Method { request.method }
    var caller: Caller { principal.caller }

    /// The whole body, up to the limit.
    func body() async throws -> [UInt8] {
        do {
            let buffer = try await request.body.collect(upTo: limits.requestBody)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw CouchError.tooLarge
        }
    }

    /// The body as a JSON value; an empty body is an empty object.
    func json() async throws -> JSONValue {
        let bytes = try await body()
        guard !bytes.isEmpty else { return [:] }
        do {
            return try JSONValue(parsing: bytes, limits: limits.json)
        } catch {
            throw CouchError.badRequest("invalid UTF-8 JSON: \(error)")
        }
    }

    /// The body as a JSON object.
    func object() async throws -> JSONObject {
        guard let object = try await json().objectValue else {
            throw CouchError.badRequest("Request body must be a JSON object")
        }
        return object
    }

    /// Refuses everybody but administrators.
    func requireAdministrator() throws(CouchError) {
        guard principal.isAdministrator else {
            throw principal.name == nil
                ? .unauthorized("You are not a server admin.") : .forbidden("You are not a server admin.")
        }
    }

    /// The answer to a method that the resource does not have.
    func methodNotAllowed(_ allowed: String...) -> MethodNotAllowed {
        MethodNotAllowed(allowed: allowed)
    }
}

/// The resource does not have the request's method.
struct MethodNotAllowed: Error {
    let allowed: [String]
}

/// How much a request may ask.
struct EndpointLimits: Sendable {
    /// The most bytes of a request's body that is read whole.
    var requestBody = 64 << 20
    /// The most revisions that a `_bulk_get` names.
    var bulkGet = 10_000
    /// What JSON may look like.
    var json = JSONLimits()
}

/// The parameters behind the `?`.
struct Query: Sendable {
    private let values: [String: String]

    init(_ text: String?) {
        var values: [String: String] = [:]
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { part in
                part.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? String(part)
            }
            values[decoded[0]] = decoded.count > 1 ? decoded[1] : ""
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name] }

    /// The parameter as a boolean; false when it is absent.
    func bool(_ name: String) throws(CouchError) -> Bool {
        switch values[name] {
        case nil, "false": false
        case "true": true
        case let other?: throw .queryParseError("Invalid boolean parameter: \"\(other)\"")
        }
    }

    /// The parameter as a whole number that is not negative.
    func count(_ name: String) throws(CouchError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text), value >= 0 else {
            throw .queryParseError("Invalid value for integer: \"\(text)\"")
        }
        return value
    }
}
