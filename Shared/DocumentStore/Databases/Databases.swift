import CouchProtocol
import Foundation
import Postgres

extension DocumentStore {
    /// Makes a database.
    ///
    /// - Returns: Whether it is new; false when there is one of that name already.
    @discardableResult
    package func createDatabase(_ name: String, settings: DatabaseSettings = DatabaseSettings()) async throws -> Bool {
        try settings.check()
        let incarnation = UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let rows = try await client.query(
            """
            WITH made AS (
                INSERT INTO databases
                    (
                        name, incarnation, original_incarnation, anonymous_read, public_writes, owner_member,
                        groups_member, revision_limit
                    )
                VALUES (
                    \(name), \(incarnation), \(incarnation), \(settings.anonymousRead), \(settings.publicWrites),
                    \(settings.ownerMember), \(settings.groupsMember), \(Int32(settings.revisionLimit))
                )
                ON CONFLICT DO NOTHING
                RETURNING id
            )
            INSERT INTO counters (database) SELECT id FROM made RETURNING database
            """
        )
        return rows.first != nil
    }

    /// Changes what is set of a database.
    ///
    /// - Throws: `not_found` when there is none of that name.
    package func configureDatabase(_ name: String, _ settings: DatabaseSettings) async throws {
        try settings.check()
        let changed = try await client.execute(
            """
            UPDATE databases
            SET anonymous_read = \(settings.anonymousRead), public_writes = \(settings.publicWrites),
                owner_member = \(settings.ownerMember), groups_member = \(settings.groupsMember),
                revision_limit = \(Int32(settings.revisionLimit))
            WHERE name = \(name)
            """
        )
        recentDatabases.forget()
        guard changed == 1 else { throw CouchError.noDatabase }
    }

    /// Deletes a database and all that is in it.
    ///
    /// - Throws: `not_found` when there is none of that name.
    package func deleteDatabase(_ name: String) async throws {
        defer { recentDatabases.forget() }
        try await client.transaction { connection in
            let rows = try await connection.query("SELECT id FROM databases WHERE name = \(name)")
            guard let id = try rows.first?.decode(Int32.self, at: 0) else { throw CouchError.noDatabase }
            // A large database takes longer than a statement may.
            try await connection.limitStatements(to: nil)
            _ = try await connection.pipeline([
                // First of all the counter: commits that are under way are over then, and later ones find none.
                "DELETE FROM counters WHERE database = \(id)",
                "DELETE FROM feed_entries USING feeds WHERE feeds.database = \(id) AND feed_entries.feed = feeds.id",
                "DELETE FROM bodies USING documents WHERE documents.database = \(id) AND document = number",
                "DELETE FROM documents WHERE database = \(id)",
                "DELETE FROM change_log WHERE database = \(id)",
                "DELETE FROM databases WHERE id = \(id)",
            ])
        }
    }

    /// The names of all databases, in order.
    package func databaseNames() async throws -> [String] {
        try await client.query("SELECT name FROM databases ORDER BY name").map { try $0.decode(String.self) }
    }

    /// The database of that name as it was at most a second ago, for a request that names it.
    ///
    /// - Throws: `not_found` when there is none.
    package func recentDatabase(_ name: String) async throws -> Database {
        try await recentDatabases.database(name) { try await self.database(name) }
    }

    /// The database of that name.
    ///
    /// - Throws: `not_found` when there is none.
    package func database(_ name: String) async throws -> Database {
        let rows = try await client.query(
            """
            SELECT id, incarnation, anonymous_read, public_writes, owner_member, groups_member, revision_limit,
                original_incarnation
            FROM databases WHERE name = \(name)
            """
        )
        guard let row = rows.first else { throw CouchError.noDatabase }
        // One by one, because every request does this.
        let id = try row.decode(Int32.self, at: 0)
        let incarnation = try row.decode(String.self, at: 1)
        var settings = DatabaseSettings()
        settings.anonymousRead = try row.decode(Bool.self, at: 2)
        settings.publicWrites = try row.decode(Bool.self, at: 3)
        settings.ownerMember = try row.decode(String.self, at: 4)
        settings.groupsMember = try row.decode(String.self, at: 5)
        settings.revisionLimit = Int(try row.decode(Int32.self, at: 6))
        return Database(
            id: id,
            name: name,
            incarnation: incarnation,
            originalIncarnation: try row.decode(String.self, at: 7),
            settings: settings
        )
    }
}
