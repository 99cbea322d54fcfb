import Executors
import Foundation
import JSON
import Postgres

/// Answers whether a name and a password belong together.
struct SessionStore: Sendable {
    let database: PostgresClient
    /// Where passwords are hashed, so that a log-in delays other log-ins and nothing else.
    let hashing: ThreadPoolExecutor

    /// Who the technician is, as the API shows it; nil when there is none of that name with that password.
    func authenticate(user: String, password: String) async throws -> JSONValue? {
        let rows = try await database.query(
            """
            SELECT name, team, password_salt, password_rounds::bigint, password_hash
            FROM erp.technicians WHERE login = \(user)
            """
        )
        guard let row = rows.first else {
            // As long as for a name that exists, which is nobody's business.
            _ = await hashing.run { PasswordHash(password, salt: [UInt8](repeating: 0, count: 16)) }
            return nil
        }
        let (name, team, salt, rounds, hash) = try row.decode(
            String.self,
            String.self,
            [UInt8].self,
            Int.self,
            [UInt8].self
        )
        let stored = PasswordHash(salt: salt, rounds: rounds, bytes: hash)
        guard await hashing.run({ stored.matches(password) }) else { return nil }
        return ["user": .string(user), "name": .string(name), "teams": [.string(team)]]
    }
}
