import AsyncHTTPClient
import CouchProtocol
package import JSON
import NIOCore
import NIOHTTP1

/// The conversation with one server: who is logged in, and how a request gets its answer.
///
/// When the server no longer knows the session, it logs in again and repeats the request, once; requests that find
/// this out at the same time share the login.
package actor HTTPSession {
    /// A request, its path and query already escaped.
    struct Request: Sendable {
        var method = "GET"
        var path: String
        var query: [(name: String, value: String)] = []
        var body: [UInt8]?
        var headers: [(String, String)] = []
        /// How long the answer may take to its end; nil for no limit but that of silence.
        var limit: Duration? = .seconds(300)
    }

    /// How many bytes an answer may have that is read as a whole.
    private static let answerLimit = 64 << 20

    package nonisolated let address: ServerAddress
    private var credentials: ServerAddress.Credentials?
    private var cookie: String?
    /// The login that is under way.
    private var renewal: Task<JSONValue, any Error>?

    /// A conversation that begins with the credentials of the address, if it has any.
    package init(address: ServerAddress) {
        self.address = address
        credentials = address.credentials
    }

    /// Logs in and keeps the credentials for when the session ends.
    ///
    /// - Returns: What the server says of the user.
    @discardableResult
    package func login(_ credentials: ServerAddress.Credentials) async throws -> JSONValue {
        let answer = try await startSession(credentials)
        self.credentials = credentials
        return answer
    }

    /// Ends the session, here and on the server, and forgets the credentials.
    package func logout() async throws {
        credentials = nil
        guard cookie != nil else { return }
        let request = Request(method: "DELETE", path: "/_session", limit: .seconds(30))
        let headers = headers(of: request)
        cookie = nil
        _ = try await Self.collect(try await Self.execute(request, at: address, headers: headers))
    }

    /// The answer to a request, its body still to be read.
    ///
    /// An answer that is an error is thrown as one.
    func send(_ request: Request) async throws -> HTTPClientResponse {
        if cookie == nil, credentials != nil { try await renew(instead: nil) }
        let used = cookie
        do {
            return try await answer(to: request)
        } catch let error as CouchError where error.status == 401 && credentials != nil {
            try await renew(instead: used)
            return try await answer(to: request)
        }
    }

    /// The JSON that answers a request.
    func json(_ request: Request) async throws -> JSONValue {
        let bytes = try await Self.collect(try await send(request))
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw TransportError("the server's answer is no JSON")
        }
    }

    private func answer(to request: Request) async throws -> HTTPClientResponse {
        let response = try await Self.execute(request, at: address, headers: headers(of: request))
        takeCookie(from: response)
        return response
    }

    private func headers(of request: Request) -> [(String, String)] {
        var headers = request.headers + [("accept", "application/json")]
        if request.body != nil { headers.append(("content-type", "application/json")) }
        if let cookie { headers.append(("cookie", "AuthSession=\(cookie)")) }
        return headers
    }
}

// MARK: - The session

extension HTTPSession {
    /// Logs in again, unless another request has done so in the meantime.
    private func renew(instead used: String?) async throws {
        guard cookie == used, let credentials else { return }
        let renewal =
            self.renewal
            ?? Task {
                defer { self.renewal = nil }
                return try await startSession(credentials)
            }
        self.renewal = renewal
        _ = try await renewal.value
    }

    private func startSession(_ credentials: ServerAddress.Credentials) async throws -> JSONValue {
        let body: JSONValue = ["name": .string(credentials.name), "password": .string(credentials.password)]
        let request = Request(method: "POST", path: "/_session", body: body.bytes, limit: .seconds(60))
        cookie = nil
        let response = try await Self.execute(request, at: address, headers: headers(of: request))
        takeCookie(from: response)
        let answer = try await Self.collect(response)
        guard cookie != nil else { throw TransportError("the server began no session") }
        return (try? JSONValue(parsing: answer)) ?? .null
    }

    private func takeCookie(from response: HTTPClientResponse) {
        for header in response.headers["set-cookie"] where header.hasPrefix("AuthSession=") {
            let value = header.dropFirst("AuthSession=".count).prefix { $0 != ";" }
            cookie = value.isEmpty ? nil : String(value)
        }
    }
}

// MARK: - The wire

extension HTTPSession {
    /// The connections of the process.
    ///
    /// A feed is silent for a minute at most, so a longer silence means that the other side is gone.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(90))
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private static func execute(
        _ request: Request,
        at address: ServerAddress,
        headers: [(String, String)]
    ) async throws -> HTTPClientResponse {
        var url = address.base + request.path
        if !request.query.isEmpty {
            url += "?" + request.query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
        }
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = .RAW(value: request.method)
        for (name, value) in headers { outgoing.headers.add(name: name, value: value) }
        if let body = request.body { outgoing.body = .bytes(body) }
        let deadline = request.limit.map { NIODeadline.now() + TimeAmount($0) } ?? .distantFuture
        let response = try await transport { try await client.execute(outgoing, deadline: deadline) }
        guard 200..<300 ~= response.status.code else {
            throw error(status: Int(response.status.code), body: try await collect(response))
        }
        return response
    }

    /// The whole body of an answer.
    static func collect(_ response: HTTPClientResponse) async throws -> [UInt8] {
        try await transport {
            var bytes: [UInt8] = []
            for try await chunk in response.body {
                bytes.append(contentsOf: chunk.readableBytesView)
                guard bytes.count <= answerLimit else { throw TransportError("the server's answer is too large") }
            }
            return bytes
        }
    }

    /// Carries out what goes over the wire; what fails there is a ``TransportError``, or the cancellation of the task.
    static func transport<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            if Task.isCancelled { throw CancellationError() }
            switch error {
            case is CancellationError, is CouchError, is TransportError: throw error
            case let error as HTTPClientError: throw TransportError(error.shortDescription)
            default: throw TransportError("the connection failed: \(type(of: error))")
            }
        }
    }

    private static func error(status: Int, body: [UInt8]) -> CouchError {
        let answer = try? JSONValue(parsing: body)
        return CouchError(
            status: status,
            error: answer?["error"]?.stringValue ?? "http_error",
            reason: answer?["reason"]?.stringValue ?? "HTTP status \(status)"
        )
    }
}
