import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// An HTTP API that speaks JSON, asked with the same `Authorization` each time.
struct JSONClient: Sendable {
    let base: String
    let authorization: String

    /// An answer with its status.
    struct Answer: Sendable {
        let status: Int
        let body: JSONValue
    }

    private static let patience = Duration.seconds(60)
    private static let pause = Duration.milliseconds(200)
    private static let answerLimit = 64 << 20

    /// Asks until there is an answer that is no failure of the server's: a service that was killed comes back.
    func send(_ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                let answer = try await sendOnce(method, path, body)
                if answer.status < 500 || ContinuousClock.now > deadline { return answer }
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Gets a resource that must be there.
    func get(_ path: String) async throws -> JSONValue {
        let answer = try await send(.GET, path)
        guard answer.status == 200 else { throw DemoFailure("GET \(path) was answered \(answer.status)") }
        return answer.body
    }

    private func sendOnce(_ method: HTTPMethod, _ path: String, _ body: JSONValue?) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "Authorization", value: authorization)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: Self.answerLimit)
        let text = Array(bytes.readableBytesView)
        return Answer(status: Int(response.status.code), body: text.isEmpty ? .null : try JSONValue(parsing: text))
    }
}
