import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A client that costs little beside what it measures: kept connections, bodies made beforehand, answers as bytes.
struct LoadClient: Sendable {
    let base: String
    /// The header that says who asks, `Authorization` or `Cookie`.
    let credential: (name: String, value: String)
    let http: HTTPClient

    private static let patience = TimeAmount.minutes(30)
    private static let answerLimit = 2 << 30

    /// An answer with its status and bytes.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: ByteBuffer
    }

    /// Asks once.
    func send(_ method: HTTPMethod, _ path: String, _ body: ByteBuffer? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: credential.name, value: credential.value)
        request.headers.add(name: "Accept", value: "application/json")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        let response = try await http.execute(request, deadline: .now() + Self.patience)
        let bytes = try await response.body.collect(upTo: Self.answerLimit)
        return Answer(status: Int(response.status.code), headers: response.headers, body: bytes)
    }

    /// Asks for what must go well.
    ///
    /// - Throws: `DemoFailure` with the beginning of the answer when it does not.
    @discardableResult
    func ask(_ method: HTTPMethod, _ path: String, _ body: ByteBuffer? = nil) async throws -> ByteBuffer {
        let answer = try await send(method, path, body)
        guard (200..<300).contains(answer.status) else {
            let beginning = String(
                buffer: answer.body.getSlice(at: 0, length: min(300, answer.body.readableBytes)) ?? .init()
            )
            throw DemoFailure("\(method) \(base)\(path) was answered \(answer.status): \(beginning)")
        }
        return answer.body
    }

    /// Gets what must be there.
    @discardableResult
    func get(_ path: String) async throws -> ByteBuffer { try await ask(.GET, path) }

    /// The connections of all cases: as many as the live feeds need, kept.
    static func makeHTTP() -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool = .init(
            idleTimeout: .minutes(5),
            concurrentHTTP1ConnectionsPerHostSoftLimit: 10_000
        )
        configuration.timeout.connect = .seconds(60)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
