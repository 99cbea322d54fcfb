import CouchProtocol
import Foundation
package import Postgres

extension DocumentStore {
    /// Makes a database.
    ///
    /// - Returns: Whether it is new; false when there is one of that name already.
    @discardableResult
    package func createDatabase(_ name: String, settings: DatabaseSettings = DatabaseSettings()) async throws -> Bool {
        try settings.check()
        let rows = try await client.query(Self.creation(of: name, settings))
        return rows.first != nil
    }

    /// What a database has beside its settings.
    struct Extras {
        var security: [UInt8]?
        var purgedInfosLimit: Int32 = 1_000
    }

    static func creation(
        of name: String,
        _ settings: DatabaseSettings,
        _ extras: Extras = Extras()
    ) -> PostgresQuery {
        let incarnation = UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        return """
            WITH made AS (
                INSERT INTO databases
                    (
                        name, incarnation, original_incarnation, anonymous_read, public_writes, owner_member,
                        groups_member, revision_limit, security, purged_infos_limit
                    )
                VALUES (
                    \(name), \(incarnation), \(incarnation), \(settings.anonymousRead), \(settings.publicWrites),
                    \(settings.ownerMember), \(settings.groupsMember), \(Int32(settings.revisionLimit)),
                    \(extras.security), \(extras.purgedInfosLimit)
                )
                ON CONFLICT DO NOTHING
                RETURNING id
            )
            INSERT INTO counters (database) SELECT id FROM made RETURNING database
            """
    }

    /// Changes what is set of a database.
    ///
    /// - Throws: `not_found` when there is none of that name.
    package func configureDatabase(_ name: String, _ settings: DatabaseSettings) async throws {
        try settings.check()
        let changed = try await client.execute(Self.configuration(of: "name = \(name)", settings))
        recentDatabases.forget()
        guard changed == 1 else { throw CouchError.noDatabase }
    }

    /// The statement that gives these settings to the databases that the condition says.
    static func configuration(of condition: PostgresQuery, _ settings: DatabaseSettings) -> PostgresQuery {
        """
        UPDATE databases
        SET anonymous_read = \(settings.anonymousRead), public_writes = \(settings.publicWrites),
            owner_member = \(settings.ownerMember), groups_member = \(settings.groupsMember),
            revision_limit = \(Int32(settings.revisionLimit))
        WHERE \(fragment: condition)
        """
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
            _ = try await connection.pipeline(Self.deletion(of: id))
        }
    }

    /// Makes a database anew: without documents, with the same settings, open to the same users, in another
    /// incarnation, so that no device goes on from a checkpoint of before.
    ///
    /// - Parameters:
    ///   - statement: A statement of the same transaction.
    ///   - check: Gets that statement's rows, and throws to undo everything.
    package func resetDatabase(
        _ database: Database,
        with statement: PostgresQuery,
        check: @Sendable (PostgresRows) throws -> Void
    ) async throws -> Database {
        try await client.transaction { connection in
            try await connection.limitStatements(to: nil)
            let extras = try await Self.extras(of: database, over: connection)
            let creation = Self.creation(of: database.name, database.settings, extras)
            let statements = Self.deletion(of: database.id) + [creation]
            let rows = try await connection.pipeline(statements + [statement])
            // Somebody else has made it anew meanwhile, or deleted it.
            guard rows[statements.count - 1].first != nil, rows[statements.count - 2].affected == 1 else {
                throw CouchError.conflict
            }
            if let last = rows.last { try check(last) }
        }
        recentDatabases.forget()
        let made = try await self.database(database.name)
        notifier.committed(made)
        return made
    }

    private static func extras(of database: Database, over connection: PostgresConnection) async throws -> Extras {
        let rows = try await connection.query(
            "SELECT security, purged_infos_limit FROM databases WHERE id = \(database.id) FOR UPDATE"
        )
        // Deleted meanwhile.
        guard let row = rows.first else { throw CouchError.conflict }
        return Extras(security: try row.bytes(0), purgedInfosLimit: try row.decode(Int32.self, at: 1))
    }

    private static func deletion(of id: Int32) -> [PostgresQuery] {
        [
            // First of all the counter: commits that are under way are over then, and later ones find none.
            "DELETE FROM counters WHERE database = \(id)",
            "DELETE FROM feed_entries USING feeds WHERE feeds.database = \(id) AND feed_entries.feed = feeds.id",
            "DELETE FROM bodies USING documents WHERE documents.database = \(id) AND document = number",
            "DELETE FROM documents WHERE database = \(id)",
            "DELETE FROM change_log WHERE database = \(id)",
            "DELETE FROM databases WHERE id = \(id)",
        ]
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
        guard let database = try Self.database(name, try await client.query(Self.selection(of: name))) else {
            throw CouchError.noDatabase
        }
        return database
    }

    /// The query of a database, for ``database(_:_:)``.
    static func selection(of name: String) -> PostgresQuery {
        """
        SELECT id, incarnation, anonymous_read, public_writes, owner_member, groups_member, revision_limit,
            original_incarnation, security
        FROM databases WHERE name = \(name)
        """
    }

    /// The database that was selected; nil when there is none.
    static func database(_ name: String, _ rows: PostgresRows) throws -> Database? {
        guard let row = rows.first else { return nil }
        // One by one, because every request does this.
        let id = try row.decode(Int32.self, at: 0)
        let incarnation = try row.decode(String.self, at: 1)
        var settings = DatabaseSettings()
        settings.anonymousRead = try row.decode(Bool.self, at: 2)
        settings.publicWrites = try row.decode(Bool.self, at: 3)
        settings.ownerMember = try row.decode(String.self, at: 4)
        settings.groupsMember = try row.decode(String.self, at: 5)
        settings.revisionLimit = Int(try row.decode(Int32.self, at: 6))
        var database = Database(
            id: id,
            name: name,
            incarnation: incarnation,
            originalIncarnation: try row.decode(String.self, at: 7),
            settings: settings
        )
        if let text = try row.bytes(8) { database.security = DatabaseSecurity(stored: text) }
        return database
    }
}
