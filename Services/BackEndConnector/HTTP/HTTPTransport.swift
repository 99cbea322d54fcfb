import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// A request that is ready to be sent.
struct OutgoingRequest: Sendable {
    var method: String
    var url: String
    var headers: [(name: String, value: String)]
    var body: [UInt8]?
    /// Whether it may be sent again when nobody knows what became of it.
    var isIdempotent: Bool
}

/// What a back end answered, read to its end.
struct RawAnswer: Sendable {
    let status: Int
    /// Names in lower case; a header that came several times is joined by commas.
    let headers: [String: String]
    let body: [UInt8]
}

/// Sends one request and reads its answer: no redirects, no retries.
struct HTTPTransport: Service {
    /// How long a connection may take to be made, at most.
    private static let connectTimeout: TimeAmount = .seconds(5)
    /// The most bytes of headers that are handed on.
    private static let maximumHeaderBytes = 65_536

    /// Connections that are kept, for requests that may be sent twice.
    private let pooled: HTTPClient
    /// A new connection for each request: a kept one may be closed by the server at the very moment at which the
    /// request is sent, and then nobody knows whether it happened.
    private let fresh: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = Self.connectTimeout
        configuration.connectionPool.retryConnectionEstablishment = false
        // The lanes are the limit.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.httpVersion = .http1Only
        pooled = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
        configuration.maximumUsesPerConnection = 1
        fresh = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
    }

    /// Keeps the connections until the process ends.
    func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    func close() async {
        try? await pooled.shutdown()
        try? await fresh.shutdown()
    }

    /// Sends a request and reads the answer's body up to a limit.
    ///
    /// - Parameters:
    ///   - request: What is sent.
    ///   - bodyLimit: The most bytes of the body; nil leaves the body unread.
    ///   - deadline: When the last byte must have come.
    func exchange(
        _ request: OutgoingRequest,
        bodyLimit: Int?,
        deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> RawAnswer {
        let time = ContinuousClock.now.duration(to: deadline)
        guard time > .zero else { throw .timeout }
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        for header in request.headers { message.headers.add(name: header.name, value: header.value) }
        if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
        let client = request.isIdempotent ? pooled : fresh
        do {
            let response = try await client.execute(message, deadline: .now() + TimeAmount(time))
            return RawAnswer(
                status: Int(response.status.code),
                headers: Self.headers(of: response),
                body: try await Self.body(of: response, limit: bodyLimit)
            )
        } catch {
            throw ExchangeFailure(error)
        }
    }

    private static func body(of response: HTTPClientResponse, limit: Int?) async throws -> [UInt8] {
        guard let limit else { return [] }
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }), length > limit {
            throw ExchangeFailure.responseTooLarge(limit: limit)
        }
        var body: [UInt8] = []
        for try await chunk in response.body {
            guard body.count + chunk.readableBytes <= limit else {
                throw ExchangeFailure.responseTooLarge(limit: limit)
            }
            body.append(contentsOf: chunk.readableBytesView)
        }
        return body
    }

    private static func headers(of response: HTTPClientResponse) -> [String: String] {
        var headers: [String: String] = [:]
        var bytes = 0
        for (name, value) in response.headers {
            bytes += name.utf8.count + value.utf8.count
            guard bytes <= maximumHeaderBytes else { break }
            let key = name.lowercased()
            headers[key] = headers[key].map { "\($0), \(value)" } ?? value
        }
        return headers
    }
}
