import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Projects

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
    /// What `Set-Cookie` said, each for itself.
    var cookies: [String] = []
}

/// How a connector reaches its back end: connections that differ in this are never shared.
struct HTTPWay: Hashable, Sendable {
    var certificates: HTTPCertificates?
    var proxy: HTTPProxy?
    var addresses: AddressRules

    init(_ connector: HTTPConnector) {
        certificates = connector.certificates
        proxy = connector.proxy
        addresses = connector.addresses
    }
}

/// Sends one request and reads its answer: no redirects, no retries.
struct HTTPTransport: Sendable {
    /// How long a connection may take to be made, at most.
    private static let connectTimeout: TimeAmount = .seconds(5)
    /// The most bytes of headers that are handed on.
    private static let maximumHeaderBytes = 65_536

    /// Connections that are kept, for requests that may be sent twice.
    private let pooled: HTTPClient
    /// A new connection for each request: a kept one may be closed by the server at the very moment at which the
    /// request is sent, and then nobody knows whether it happened.
    private let fresh: HTTPClient

    init(_ way: HTTPWay) throws(ExchangeFailure) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = Self.connectTimeout
        configuration.connectionPool.retryConnectionEstablishment = false
        // The lanes are the limit.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.httpVersion = .http1Only
        if let certificates = way.certificates { configuration.tlsConfiguration = try certificates.configuration() }
        configuration.proxy = way.proxy.map { proxy in
            .server(
                host: proxy.host,
                port: proxy.port,
                authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") }
            )
        }
        // The name was looked up before; what counts is where the connection leads.
        let rules = way.addresses
        configuration.http1_1ConnectionDebugInitializer = { channel in
            guard let address = channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }), rules.allow(address)
            else {
                let reach = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }?.reach ?? .none
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(ExchangeFailure.addressRefused(reach))
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        pooled = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
        configuration.maximumUsesPerConnection = 1
        fresh = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
    }

    func close() async {
        try? await pooled.shutdown()
        try? await fresh.shutdown()
    }

    /// How much of a body is read.
    enum Reading: Hashable, Sendable {
        /// All of it, which may be so many bytes and no more.
        case whole(limit: Int)
        /// So many bytes from its beginning.
        case excerpt(Int)
        case nothing
    }

    /// Sends a request and reads its answer.
    ///
    /// - Parameters:
    ///   - request: What is sent.
    ///   - deadline: When the last byte must have come.
    ///   - reading: How much of the body is read, by the status.
    func exchange(
        _ request: OutgoingRequest,
        deadline: ContinuousClock.Instant,
        reading: @escaping @Sendable (Int) -> Reading
    ) async throws(ExchangeFailure) -> RawAnswer {
        do {
            // The client's own deadline ends with the head of the answer; this one covers the body.
            return try await withDeadline(deadline) { try await send(request, deadline: deadline, reading: reading) }
        } catch {
            throw ExchangeFailure(error)
        }
    }

    /// What a port can be.
    static let ports = 1...65_535

    /// The host of an address; a text without one is none that can be reached.
    static func host(of url: String) -> String { URL(string: url)?.host() ?? "" }

    private func send(
        _ request: OutgoingRequest,
        deadline: ContinuousClock.Instant,
        reading: (Int) -> Reading
    ) async throws -> RawAnswer {
        let time = ContinuousClock.now.duration(to: deadline)
        guard time > .zero else { throw ExchangeFailure.timeout }
        guard let address = URLComponents(string: request.url) else {
            throw ExchangeFailure.connectFailed("the address is none")
        }
        // SwiftNIO ends the process over a port that is none.
        guard address.rangeOfPort == nil || address.port.map(Self.ports.contains) ?? false else {
            throw ExchangeFailure.connectFailed("the port is none")
        }
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        for header in request.headers { message.headers.add(name: header.name, value: header.value) }
        if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
        let client = request.isIdempotent ? pooled : fresh
        let response = try await client.execute(message, deadline: .now() + TimeAmount(time))
        let status = Int(response.status.code)
        let body =
            switch reading(status) {
            case .whole(let limit): try await Self.body(of: response, limit: limit)
            case .excerpt(let length): try await Self.excerpt(of: response, length: length)
            case .nothing: [UInt8]()
            }
        return RawAnswer(
            status: status,
            headers: Self.headers(of: response),
            body: body,
            cookies: response.headers["set-cookie"].prefix(CookieJar.maximumCookies).map { $0 }
        )
    }

    private static func excerpt(of response: HTTPClientResponse, length: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        for try await chunk in response.body {
            body.append(contentsOf: chunk.readableBytesView.prefix(length - body.count))
            if body.count >= length { break }
        }
        return body
    }

    private static func body(of response: HTTPClientResponse, limit: Int) async throws -> [UInt8] {
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
