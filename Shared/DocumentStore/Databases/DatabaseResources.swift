import CouchProtocol
package import JSON
import Postgres

// What an administrator keeps with a database, beside its settings.
extension DocumentStore {
    /// The security object of the database as its writer wrote it, or what is shown where nobody has.
    package func security(of database: Database) async throws -> [UInt8] {
        let rows = try await client.query("SELECT security FROM databases WHERE id = \(database.id)")
        guard let row = rows.first else { throw CouchError.noDatabase }
        return try row.bytes(0) ?? DatabaseSecurity.unset.bytes
    }

    /// Sets whom the database lets in.
    ///
    /// - Throws: `bad_request` when it is no security object.
    package func setSecurity(_ object: JSONValue, of database: Database) async throws {
        _ = try DatabaseSecurity(object)
        try await change("UPDATE databases SET security = \(object.bytes) WHERE id = \(database.id)")
    }

    /// Forgets what was looked up of databases, because somebody else has changed one.
    package func forgetDatabases() { recentDatabases.forget() }

    /// Sets how many revisions back the database's documents remember their histories.
    package func setRevisionLimit(_ limit: Int, of database: Database) async throws {
        var settings = database.settings
        settings.revisionLimit = limit
        try settings.check()
        try await change("UPDATE databases SET revision_limit = \(Int32(limit)) WHERE id = \(database.id)")
    }

    /// How many purges the database remembers.
    package func purgedInfosLimit(of database: Database) async throws -> Int {
        let rows = try await client.query("SELECT purged_infos_limit FROM databases WHERE id = \(database.id)")
        guard let row = rows.first else { throw CouchError.noDatabase }
        return Int(try row.decode(Int32.self, at: 0))
    }

    package func setPurgedInfosLimit(_ limit: Int, of database: Database) async throws {
        try await change(
            "UPDATE databases SET purged_infos_limit = \(Int32(clamping: limit)) WHERE id = \(database.id)"
        )
    }

    /// The names of databases in a stretch of their order, for `_all_dbs`.
    package func databaseNames(in range: DocumentRange) async throws -> [String] {
        let rows = try await client.query(
            """
            SELECT id FROM (SELECT name AS id, false AS deleted FROM databases) AS documents
            WHERE \(fragment: range.condition)
            \(unescaped: range.order) OFFSET \(Int64(range.skip)) LIMIT \(Int64(range.limit))
            """
        )
        return try rows.map { try $0.decode(String.self) }
    }

    private func change(_ statement: PostgresQuery) async throws {
        defer { recentDatabases.forget() }
        guard try await client.execute(statement) == 1 else { throw CouchError.noDatabase }
    }
}
