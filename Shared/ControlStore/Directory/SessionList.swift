package import Foundation
import Postgres

/// A session as an administrator sees it: everything but the token, which nobody has but the client.
package struct ListedSession: Sendable, Hashable {
    package let id: UUID
    package let session: Session
    package let origin: SessionOrigin
}

extension ControlStore {
    /// The sessions that have not ended, in the order of their ids, perhaps only those of one user.
    package func sessions(of user: String?, after id: UUID?, limit: Int) async throws -> [ListedSession] {
        let rows = try await client.query(
            """
            SELECT id, user_name, administrator, created_at, expires_at, address, user_agent FROM sessions
            WHERE expires_at > now() AND (\(user)::text IS NULL OR user_name = \(user))
                AND (\(id)::uuid IS NULL OR id > \(id))
            ORDER BY id LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (id, user, administrator, created, expires, address, agent) = try row.decode(
                UUID.self,
                String.self,
                Bool.self,
                Date.self,
                Date.self,
                String?.self,
                String?.self
            )
            return ListedSession(
                id: id,
                session: Session(
                    id: id,
                    user: user,
                    isAdministrator: administrator,
                    created: created,
                    expires: expires
                ),
                origin: SessionOrigin(address: address, userAgent: agent)
            )
        }
    }

    /// Ends the session of that id.
    ///
    /// - Returns: Whether there was one.
    package func endSession(id: UUID) async throws -> Bool {
        try await endSessions("id = \(id)") > 0
    }

    /// Ends all sessions of a user, of the administrator's too when it is that name.
    ///
    /// - Returns: How many there were.
    @discardableResult
    package func endSessions(of user: String) async throws -> Int {
        try await endSessions("user_name = \(user)")
    }
}
