import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// Whoever talks HTTP and JSON with a service that may not be there at the moment.
struct Web: Sendable {
    let base: @Sendable () throws -> String
    let authorization: String

    struct Refusal: Error, CustomStringConvertible {
        var status = 0
        let description: String
    }

    /// Sends a request once.
    func once(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        var request = HTTPClientRequest(url: try base() + path)
        request.method = .RAW(value: method)
        request.headers.add(name: "Authorization", value: authorization)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 256 << 20)
        guard response.status.code < 400 else {
            throw Refusal(
                status: Int(response.status.code),
                description: "\(method) \(path): \(response.status) \(String(buffer: bytes))"
            )
        }
        return (try? JSONValue(parsing: Array(bytes.readableBytesView))) ?? .null
    }

    /// Sends a request that may be repeated until it is answered.
    func ask(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        try await patiently { try await once(method, path, body) }
    }

    static func basic(_ name: String, _ password: String) -> String {
        "Basic " + Data("\(name):\(password)".utf8).base64EncodedString()
    }
}

/// Says how the test comes on: at once, unlike what is printed.
func report(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

/// Repeats what fails until it succeeds, for longer than any fault lasts.
func patiently<Value>(
    for patience: Duration = .seconds(600),
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Value
) async throws -> Value {
    let deadline = ContinuousClock.now + patience
    while true {
        do {
            return try await body()
        } catch  where ContinuousClock.now < deadline && !Task.isCancelled {
            try await Task.sleep(for: .milliseconds(250))
        }
    }
}
