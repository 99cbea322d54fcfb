import Postgres

/// Where the changes of a database end.
package struct DatabaseEnd: Sendable {
    package let database: String
    /// See ``Database/originalIncarnation``.
    package let originalIncarnation: String
    /// The number of the last change.
    package let seq: Int
}

extension DocumentStore {
    /// Where the changes of each database end.
    package func endsOfDatabases() async throws -> [DatabaseEnd] {
        let rows = try await client.query(
            "SELECT name, original_incarnation, seq FROM counters JOIN databases ON id = counters.database"
        )
        return try rows.map { row in
            let (name, incarnation, seq) = try row.decode(String.self, String.self, Int64.self)
            return DatabaseEnd(database: name, originalIncarnation: incarnation, seq: Int(seq))
        }
    }
}
