import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// Whoever talks HTTP and JSON with a service.
struct Client: Sendable {
    enum Credentials: Sendable {
        case none
        case basic(name: String, password: String)
        case bearer(String)
        /// A session of the endpoint.
        case session(String)
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let bytes: [UInt8]

        /// The body; null when it is no JSON.
        var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
        /// The word for programs of an error.
        var error: String? { json["error"]?.stringValue }
        var reason: String? { json["reason"]?.stringValue }
    }

    let base: String
    let credentials: Credentials

    init(_ base: String, _ credentials: Credentials = .none) {
        self.base = base
        self.credentials = credentials
    }

    func get(_ path: String) async throws -> Answer { try await send("GET", path) }

    func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        try await send(method, path, text: body?.text)
    }

    /// Sends a body as it is.
    func send(
        _ method: String,
        _ path: String,
        text: String?,
        contentType: String = "application/json",
        headers: [(String, String)] = []
    ) async throws -> Answer {
        let response = try await open(method, path, headers: headers, text: text, contentType: contentType)
        let body = try await response.body.collect(upTo: 256 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            bytes: Array(body.readableBytesView)
        )
    }

    /// An answer whose body is still to be read.
    func open(
        _ method: String,
        _ path: String,
        headers: [(String, String)] = [],
        text: String? = nil,
        contentType: String = "application/json"
    ) async throws -> HTTPClientResponse {
        var request = request(method, path, headers: headers)
        if let text {
            if !request.headers.contains(name: "Content-Type") {
                request.headers.add(name: "Content-Type", value: contentType)
            }
            request.body = .bytes(ByteBuffer(string: text))
        }
        return try await HTTPClient.shared.execute(request, timeout: .seconds(600))
    }

    /// A request with the caller's credentials, without a body.
    func request(_ method: String, _ path: String, headers: [(String, String)] = []) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base + path)
        request.method = .RAW(value: method)
        switch credentials {
        case .none: break
        case .basic(let name, let password):
            let encoded = Data("\(name):\(password)".utf8).base64EncodedString()
            request.headers.add(name: "Authorization", value: "Basic \(encoded)")
        case .bearer(let token): request.headers.add(name: "Authorization", value: "Bearer \(token)")
        case .session(let token): request.headers.add(name: "Cookie", value: "AuthSession=\(token)")
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        return request
    }
}

/// An id as a segment of a path.
func segment(_ id: String) -> String {
    id.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? id
}

/// A document's id that nobody else has.
func uniqueID(_ name: String) -> String {
    "\(name)-\(UInt64.random(in: 0 ... .max))"
}
