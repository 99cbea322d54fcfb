import Crypto
package import Foundation
import Postgres

/// Somebody who logged in.
package struct Session: Sendable, Hashable {
    /// What an administrator names it by, and its values are kept under; it opens nothing.
    package let id: UUID
    package let user: String
    package let isAdministrator: Bool
    package let created: Date
    package let expires: Date

    package init(
        id: UUID = UUID(),
        user: String,
        isAdministrator: Bool,
        created: Date = Date(),
        expires: Date
    ) {
        self.id = id
        self.user = user
        self.isAdministrator = isAdministrator
        self.created = created
        self.expires = expires
    }
}

/// Where a session was begun, for those who look at the list of sessions.
package struct SessionOrigin: Sendable, Hashable {
    package let address: String?
    /// Cut where it is longer than anybody reads.
    package let userAgent: String?

    private static let longestUserAgent = 200

    package init(address: String? = nil, userAgent: String? = nil) {
        self.address = address
        self.userAgent = userAgent.map { String($0.filter { $0 != "\0" }.prefix(Self.longestUserAgent)) }
    }
}

extension ControlStore {
    /// Begins a session, and ends the one that it takes the place of.
    ///
    /// - Parameters:
    ///   - generation: The password's, when the user is in the built-in directory: a session that was on its way while
    ///     the password was changed does not begin.
    ///   - login: What the login has prepared for the session: it keeps those values.
    ///   - old: The token of the session that ends: a token that somebody planted is never the one that is logged in.
    /// - Returns: The token that the client shows from now on (the store keeps its digest only); nil when the password
    ///   was changed meanwhile.
    package func beginSession(
        _ session: Session,
        from origin: SessionOrigin = SessionOrigin(),
        generation: Int64? = nil,
        preparedBy login: UUID? = nil,
        replacing old: String? = nil
    ) async throws -> String? {
        let token = Self.newToken()
        return try await client.transaction { connection in
            // The lock makes one of the two wait: the change of the password then ends this session, or this sees it.
            let current = try await connection.query(
                "SELECT generation FROM directory_users WHERE name = \(session.user) FOR SHARE"
            )
            let present = try current.first?.decode(Int64.self, at: 0)
            guard session.isAdministrator || present == generation else { return nil }
            try await connection.execute(
                """
                INSERT INTO sessions (id, digest, user_name, administrator, created_at, expires_at, address, user_agent)
                VALUES (\(session.id), \(Self.digest(token)), \(session.user), \(session.isAdministrator),
                        \(session.created), \(session.expires), \(origin.address), \(origin.userAgent))
                """
            )
            if let login {
                // Copied, as two clients may have begun sessions by one login.
                try await connection.execute(
                    """
                    INSERT INTO session_values (session, name, value)
                    SELECT \(session.id), name, value FROM session_values WHERE session = \(login)
                    """
                )
            }
            guard let old else { return token }
            let ended = try await connection.query("DELETE FROM sessions WHERE digest = \(Self.digest(old))").affected
            if ended > 0 { _ = try await connection.query(Self.advanceEpoch) }
            return token
        }
    }

    /// The session of a token; nil when it has ended or never was.
    package func session(token: String) async throws -> Session? {
        let rows = try await client.query(
            """
            SELECT id, user_name, administrator, created_at, expires_at FROM sessions
            WHERE digest = \(Self.digest(token)) AND expires_at > now()
            """
        )
        return try rows.first.map { row in
            let (id, user, administrator, created, expires) =
                try row.decode(UUID.self, String.self, Bool.self, Date.self, Date.self)
            return Session(id: id, user: user, isAdministrator: administrator, created: created, expires: expires)
        }
    }

    /// Lets a session that is used end later; never earlier than it would have.
    package func extendSession(token: String, until expires: Date) async throws {
        try await client.execute(
            """
            UPDATE sessions SET expires_at = \(expires)
            WHERE digest = \(Self.digest(token)) AND expires_at > now() AND expires_at < \(expires)
            """
        )
    }

    /// Ends the session of a token.
    package func endSession(token: String) async throws {
        try await endSessions("digest = \(Self.digest(token))")
    }

    /// Ends the sessions that the condition names, and lets every instance know.
    ///
    /// - Returns: How many there were.
    @discardableResult
    func endSessions(_ condition: PostgresQuery) async throws -> Int {
        try await client.transaction { connection in
            let ended = try await connection.query("DELETE FROM sessions WHERE \(fragment: condition)").affected
            if ended > 0 { _ = try await connection.query(Self.advanceEpoch) }
            return ended
        }
    }

    /// Deletes the sessions whose time is over, and what logins have prepared for sessions that never began.
    package func pruneSessions() async throws {
        try await client.execute("DELETE FROM sessions WHERE expires_at < now()")
        try await client.execute(
            """
            DELETE FROM session_values
            WHERE changed_at < now() - interval '1 hour'
                AND NOT EXISTS (SELECT FROM sessions WHERE sessions.id = session_values.session)
            """
        )
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
