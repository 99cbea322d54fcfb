import Postgres

// A database that was restored from a backup counts on from an earlier number, and gives numbers that devices know to
// other changes. So it gets a new incarnation, by which their checkpoints are recognised as those of another life.
extension DocumentStore {
    /// Gives every database a new incarnation when PostgreSQL is not the one of the last look.
    ///
    /// A copy of its files that is recovered to a point in time, or promoted, has another timeline; a dump that is read
    /// back has another table, and mostly another cluster. (What neither shows, such as a snapshot of the disk, an
    /// operator must say: ``renewIncarnations()``.)
    ///
    /// - Returns: Whether it was another one.
    package func noticeRestore() async throws -> Bool {
        let isOther = try await client.transaction { connection in
            let rows = try await connection.query(
                """
                SELECT system_identifier || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' '
                    || 'databases'::regclass::oid
                FROM pg_control_system()
                """
            )
            let present = try rows.first?.decode(String.self, at: 0) ?? ""
            // Of many processes one is the first to look.
            try await connection.execute(
                "INSERT INTO cluster_identity (identity) VALUES (\(present)) ON CONFLICT DO NOTHING"
            )
            let changed = try await connection.execute(
                "UPDATE cluster_identity SET identity = \(present) WHERE identity <> \(present)"
            )
            guard changed > 0 else { return false }
            try await Self.renewIncarnations(over: connection)
            return true
        }
        if isOther { recentDatabases.forget() }
        return isOther
    }

    /// Gives every database a new incarnation: no device goes on from a checkpoint of before.
    package func renewIncarnations() async throws {
        try await client.transaction { connection in try await Self.renewIncarnations(over: connection) }
        recentDatabases.forget()
    }

    private static func renewIncarnations(over connection: PostgresConnection) async throws {
        try await connection.execute("UPDATE databases SET incarnation = replace(gen_random_uuid()::text, '-', '')")
    }
}
