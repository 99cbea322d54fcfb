import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import Testing

extension Client {
    /// Sends a request with headers of one's own.
    func send(
        _ method: String,
        _ path: String,
        headers: [(String, String)],
        text: String? = nil
    ) async throws -> Answer {
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
        if let text {
            if !headers.contains(where: { $0.0.lowercased() == "content-type" }) {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
            request.body = .bytes(ByteBuffer(string: text))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 64 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            bytes: Array(body.readableBytesView)
        )
    }

    /// Logs in, and gives back a client with the session.
    func login(_ name: String, _ password: String) async throws -> Client {
        let answer = try await send("POST", "/_session", ["name": .string(name), "password": .string(password)])
        try #require(answer.status == 200, "\(answer.json)")
        return Client(base, .session(try #require(answer.sessionToken)))
    }

    /// Makes a user of the built-in directory that nobody else has.
    func makeUser(_ password: String, groups: [String] = []) async throws -> String {
        let name = uniqueID("user")
        let answer = try await send(
            "PUT",
            "/_fullsync/users/\(segment(name))",
            ["password": .string(password), "groups": .array(groups.map(JSONValue.string))]
        )
        try #require(answer.status == 201, "\(answer.json)")
        return name
    }
}
