package import Foundation
package import JSON
import Postgres

/// Whose values are meant.
package enum ValueHolder: Sendable, Hashable {
    /// A session; when it has ended, nothing is kept.
    case session(UUID)
    /// The session that a login is about to begin, by a name that only this login has.
    case login(UUID)

    var id: UUID {
        switch self {
        case .session(let id), .login(let id): id
        }
    }
}

/// Why a session keeps no values.
package enum SessionValueError: Error, Sendable, Hashable {
    /// The session has ended.
    case ended
    /// The values have more than ``ControlStore/sessionValueBytes`` bytes together, or are too many.
    case tooMuch
}

extension ControlStore {
    /// How many bytes of JSON a session keeps, names included, and how many values.
    package static let sessionValueBytes = 256 << 10
    package static let sessionValueCount = 100

    /// Keeps values, each in the place of the one of its name.
    ///
    /// - Throws: ``SessionValueError``; nothing is changed then.
    package func setValues(_ values: JSONObject, of holder: ValueHolder) async throws {
        let names = values.names
        let texts = names.map { (values[$0] ?? .null).bytes }
        let size = zip(names, texts).reduce(0) { $0 + $1.0.utf8.count + $1.1.count }
        guard size <= Self.sessionValueBytes, names.count <= Self.sessionValueCount else {
            throw SessionValueError.tooMuch
        }
        try await client.transaction { connection in
            if case .session(let id) = holder {
                // The lock lets the end of the session wait until it can take these values along.
                let rows = try await connection.query(
                    "SELECT FROM sessions WHERE id = \(id) AND expires_at > now() FOR SHARE"
                )
                guard rows.first != nil else { throw SessionValueError.ended }
            }
            try await connection.execute(
                """
                INSERT INTO session_values (session, name, value)
                SELECT \(holder.id), name, value FROM unnest(\(names), \(texts)) AS given (name, value)
                ON CONFLICT (session, name) DO UPDATE SET value = excluded.value, changed_at = now()
                """
            )
            let sums = try await connection.query(
                """
                SELECT count(*), coalesce(sum(octet_length(name) + octet_length(value)), 0)::bigint
                FROM session_values WHERE session = \(holder.id)
                """
            )
            guard let (count, bytes) = try sums.first?.decode(Int64.self, Int64.self) else { return }
            guard count <= Self.sessionValueCount, bytes <= Self.sessionValueBytes else {
                throw SessionValueError.tooMuch
            }
        }
    }

    /// The value of that name; nil when none is kept.
    package func value(_ name: String, of holder: ValueHolder) async throws -> JSONValue? {
        let rows = try await client.query(
            "SELECT value FROM session_values WHERE session = \(holder.id) AND name = \(name)"
        )
        return try rows.first.map { try JSONValue(parsing: try $0.decode([UInt8].self, at: 0)) }
    }

    /// Keeps the values of these names no longer.
    package func removeValues(_ names: [String], of holder: ValueHolder) async throws {
        try await client.execute(
            "DELETE FROM session_values WHERE session = \(holder.id) AND name = ANY (\(names))"
        )
    }
}
