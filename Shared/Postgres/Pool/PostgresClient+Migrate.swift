import Logging

extension PostgresClient {
    /// Brings the schema of one component up to date, forward only.
    ///
    /// Each migration runs once, in order, in a transaction of its own with its line in `schema_migrations`. Services
    /// that start at the same time take turns under an advisory lock. What was applied must be what the program holds:
    /// a migration whose text has changed since, and a database that has had more migrations than the program knows,
    /// are errors (``PostgresError/migration(_:)``).
    ///
    /// The first schema of `searchPath` is made when it is missing.
    package func migrate(_ migrations: [PostgresMigration], component: String) async throws {
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw PostgresError.migration(
                "\(component): version \(migration.version) stands where \(index + 1) is due"
            )
        }
        try await prepareMigrations()
        var applied = try await appliedMigrations(component)
        try await check(applied, migrations, component)
        while applied.count < migrations.count {
            let migration = migrations[applied.count]
            // Another service may have been faster: what it applied is read under the lock and checked again.
            let isOurs = try await apply(migration, component)
            if isOurs {
                logger.info(
                    "migration applied",
                    metadata: [
                        "component": "\(component)", "version": "\(migration.version)", "name": "\(migration.name)",
                    ]
                )
            }
            applied = try await appliedMigrations(component)
            try await check(applied, migrations, component)
        }
    }

    private struct Applied: Sendable {
        let version: Int
        let name: String
        let checksum: String
    }

    /// One lock for all components and schemas of a database; migrations are rare.
    private static let lockKey: Int64 = 0x6675_6C6C_7379_6E63

    /// Takes the lock for the present transaction, however long others hold it.
    private func lockMigrations(_ connection: PostgresConnection) async throws {
        try await connection.limitStatements(to: nil)
        try await connection.execute("SELECT pg_advisory_xact_lock(\(Self.lockKey))")
    }

    private func prepareMigrations() async throws {
        try await transaction { connection in
            try await lockMigrations(connection)
            if let schema = configuration.searchPath?.split(separator: ",").first {
                let name = schema.filter { $0 != " " && $0 != "\"" }
                try await connection.run(
                    script: "CREATE SCHEMA IF NOT EXISTS \(PostgresQuery.quoted(identifier: name))"
                )
            }
            try await connection.run(
                script: """
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        component text NOT NULL,
                        version bigint NOT NULL,
                        name text NOT NULL,
                        checksum text NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT now(),
                        PRIMARY KEY (component, version)
                    )
                    """
            )
        }
    }

    private func appliedMigrations(_ component: String) async throws -> [Applied] {
        try await query(
            "SELECT version, name, checksum FROM schema_migrations WHERE component = \(component) ORDER BY version"
        ).map { row in
            let (version, name, checksum) = try row.decode(Int.self, String.self, String.self)
            return Applied(version: version, name: name, checksum: checksum)
        }
    }

    /// Compares what was applied with what the program holds.
    private func check(_ applied: [Applied], _ migrations: [PostgresMigration], _ component: String) async throws {
        guard applied.count <= migrations.count else {
            throw PostgresError.migration(
                "\(component): the database has version \(applied.count), the program knows \(migrations.count); "
                    + "it is older than the database"
            )
        }
        // The server has SHA-256; with it, this module needs no library for it.
        let checksums = try await query(
            """
            SELECT encode(sha256(convert_to(sql, 'UTF8')), 'hex')
            FROM unnest(\(migrations.map(\.sql))) WITH ORDINALITY AS migration (sql, place) ORDER BY place
            """
        )
        for (old, (new, row)) in zip(applied, zip(migrations, checksums)) {
            let checksum = try row.decode(String.self)
            guard old.version == new.version, old.checksum == checksum else {
                throw PostgresError.migration(
                    "\(component): version \(new.version) (\(new.name)) has changed after it was applied as "
                        + "\"\(old.name)\" (checksum \(old.checksum.prefix(12)), now \(checksum.prefix(12))); "
                        + "what was applied is not to be edited, a new migration is to be added"
                )
            }
        }
    }

    /// Applies one migration; `false` when somebody else has meanwhile.
    private func apply(_ migration: PostgresMigration, _ component: String) async throws -> Bool {
        try await transaction { connection in
            try await lockMigrations(connection)
            let isApplied = try await connection.query(
                """
                SELECT 1 FROM schema_migrations
                WHERE component = \(component) AND version = \(migration.version)
                """
            )
            guard isApplied.isEmpty else { return false }
            do {
                try await connection.run(script: migration.sql)
            } catch PostgresError.server(let error) where !error.sqlState.isRetryable {
                throw PostgresError.migration(
                    "\(component): version \(migration.version) (\(migration.name)) failed: \(error)"
                )
            }
            try await connection.execute(
                """
                INSERT INTO schema_migrations (component, version, name, checksum)
                VALUES (\(component), \(migration.version), \(migration.name),
                    encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex'))
                """
            )
            return true
        }
    }
}
