import AsyncHTTPClient
import Crypto
import Foundation
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

/// A second endpoint of the shared system, with settings that the first one does not have: bearer tokens, a list of
/// origins, a trusted proxy.
final class OtherEndpoint: Sendable {
    static let origin = "https://app.example"
    static let tokenSecret = "a secret of the tests that is long enough"

    let http: String
    let operations: String
    let administrator: Client
    private let service: TestService

    private static let start = Mutex<Task<OtherEndpoint, any Error>?>(nil)

    static var shared: OtherEndpoint {
        get async throws {
            let task = start.withLock { start in
                let task = start ?? Task { try await OtherEndpoint(RunningSystem.shared) }
                start = task
                return task
            }
            return try await task.value
        }
    }

    private init(_ system: RunningSystem) async throws {
        let password = try system.password
        service = try await TestService.start(
            "replication-endpoint",
            [
                "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp,
                "FULLSYNC_ADMIN_PASSWORD": password, "FULLSYNC_PORT": "0", "FULLSYNC_JWT_HS256": Self.tokenSecret,
                "FULLSYNC_CORS_ORIGINS": Self.origin, "FULLSYNC_TRUSTED_PROXIES": "127.0.0.1",
                "FULLSYNC_SESSION_SLIDING": "true",
            ]
        )
        let addresses = try await service.addresses()
        http = try #require(addresses.http, "\(service.output)")
        operations = addresses.operations
        administrator = Client(http, .basic(name: "admin", password: password))
    }

    /// What it has logged.
    var log: String { service.output }

    /// A token that the secret has signed.
    static func token(_ claims: JSONObject, header: String = #"{"alg":"HS256","typ":"JWT"}"#) -> String {
        let signed = "\(base64(Array(header.utf8))).\(base64(JSONValue.object(claims).bytes))"
        let key = SymmetricKey(data: Array(tokenSecret.utf8))
        return "\(signed).\(base64(Array(HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key))))"
    }

    /// A token of the user that ends in so many seconds.
    static func token(of user: String, for seconds: Double = 60) -> String {
        token(["sub": .string(user), "exp": .number(JSONNumber(Int(Date().timeIntervalSince1970 + seconds)))])
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

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
