import Crypto
import Foundation
import JSON
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
    static func token(of user: String, for seconds: Double = 1_200) -> String {
        token(["sub": .string(user), "exp": .number(JSONNumber(Int(Date().timeIntervalSince1970 + seconds)))])
    }

    /// The URL-safe Base64 without padding of RFC 7515.
    static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
