package import Foundation
import Postgres

/// A user of the built-in directory, without the password.
package struct DirectoryUser: Sendable, Hashable {
    package let name: String
    /// Another number with each password.
    package let generation: Int64
    package let created: Date
    package let changed: Date
}

extension ControlStore {
    /// The user of that name with the hash of the password; nil when the directory has none.
    package func directoryUser(_ name: String) async throws -> (user: DirectoryUser, password: PasswordHash?)? {
        let rows = try await client.query(
            "SELECT generation, created_at, changed_at, password FROM directory_users WHERE name = \(name)"
        )
        guard let row = rows.first else { return nil }
        let (generation, created, changed, password) = try row.decode(Int64.self, Date.self, Date.self, String.self)
        let user = DirectoryUser(name: name, generation: generation, created: created, changed: changed)
        return (user, PasswordHash(text: password))
    }

    /// The number of the user's present password; nil when the directory does not have the user.
    package func directoryGeneration(of name: String) async throws -> Int64? {
        let rows = try await client.query("SELECT generation FROM directory_users WHERE name = \(name)")
        return try rows.first?.decode(Int64.self, at: 0)
    }

    /// The users in the order of their names' bytes.
    package func directoryUsers(after name: String?, limit: Int) async throws -> [DirectoryUser] {
        let rows = try await client.query(
            """
            SELECT name, generation, created_at, changed_at FROM directory_users
            WHERE name > \(name ?? "") ORDER BY name LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (name, generation, created, changed) = try row.decode(
                String.self,
                Int64.self,
                Date.self,
                Date.self
            )
            return DirectoryUser(name: name, generation: generation, created: created, changed: changed)
        }
    }

    /// Gives the user that password, and makes the user when the directory has none of that name.
    ///
    /// What stood on an earlier password ends: the user's sessions, and what instances remember.
    ///
    /// - Returns: Whether the user is new.
    package func setDirectoryPassword(_ password: PasswordHash, of name: String) async throws -> Bool {
        try await client.transaction { connection in
            let rows = try await connection.query(
                """
                INSERT INTO directory_users (name, password, generation)
                VALUES (\(name), \(password.text), nextval('directory_generations'))
                ON CONFLICT (name) DO UPDATE SET password = excluded.password, generation = excluded.generation,
                    changed_at = now()
                RETURNING xmax = 0
                """
            )
            try await connection.execute("DELETE FROM sessions WHERE user_name = \(name) AND NOT administrator")
            _ = try await connection.query(Self.advanceEpoch)
            return try rows.first?.decode(Bool.self, at: 0) ?? false
        }
    }

    /// Deletes the user, and ends the user's sessions.
    ///
    /// - Returns: Whether the directory had the user.
    package func deleteDirectoryUser(_ name: String) async throws -> Bool {
        try await client.transaction { connection in
            let gone = try await connection.query("DELETE FROM directory_users WHERE name = \(name)").affected
            guard gone > 0 else { return false }
            try await connection.execute("DELETE FROM sessions WHERE user_name = \(name) AND NOT administrator")
            _ = try await connection.query(Self.advanceEpoch)
            return true
        }
    }
}
