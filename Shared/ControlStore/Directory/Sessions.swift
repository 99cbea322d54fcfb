import Crypto
package import Foundation
import Postgres

/// Somebody who logged in.
package struct Session: Sendable, Hashable {
    package let user: String
    package let isAdministrator: Bool
    package let expires: Date

    package init(user: String, isAdministrator: Bool, expires: Date) {
        self.user = user
        self.isAdministrator = isAdministrator
        self.expires = expires
    }
}

extension ControlStore {
    /// Begins a session.
    ///
    /// - Returns: The token that the client shows from now on; the store keeps its digest only.
    package func beginSession(_ session: Session) async throws -> String {
        let token = Self.newToken()
        try await client.execute(
            """
            INSERT INTO sessions (digest, user_name, administrator, expires_at)
            VALUES (\(Self.digest(token)), \(session.user), \(session.isAdministrator), \(session.expires))
            """
        )
        return token
    }

    /// The session of a token; nil when it has ended or never was.
    package func session(token: String) async throws -> Session? {
        let rows = try await client.query(
            """
            SELECT user_name, administrator, expires_at FROM sessions
            WHERE digest = \(Self.digest(token)) AND expires_at > now()
            """
        )
        return try rows.first.map { row in
            let (user, administrator, expires) = try row.decode(String.self, Bool.self, Date.self)
            return Session(user: user, isAdministrator: administrator, expires: expires)
        }
    }

    /// Ends the session of a token.
    package func endSession(token: String) async throws {
        try await client.execute("DELETE FROM sessions WHERE digest = \(Self.digest(token))")
    }

    /// Deletes the sessions whose time is over.
    package func pruneSessions() async throws {
        try await client.execute("DELETE FROM sessions WHERE expires_at < now()")
    }

    /// 256 random bits in the URL-safe alphabet of Base64.
    private static func newToken() -> String {
        let bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
        return bytes.base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    private static func digest(_ token: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(token.utf8)))
    }
}
