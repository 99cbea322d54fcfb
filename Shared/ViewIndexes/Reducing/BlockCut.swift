import Postgres

/// Cuts the blocks of a view without a reduce function that have grown too large: they count rows, and nothing else.
struct BlockCut: Sendable {
    let client: PostgresClient
    let index: ViewIndex
    let view: Int64

    /// How many rows of a block are cut at once.
    private static let stepRows = 100 * BlockRefresh.size

    /// Cuts one; false when none is too large.
    func step() async throws -> Bool {
        let (size, limit) = (Int64(BlockRefresh.size), Int64(Self.stepRows))
        return try await client.transaction { connection in
            // Batches of the index wait meanwhile, and those before are seen.
            try await connection.execute("SELECT FROM view_indexes WHERE id = \(index.id) FOR UPDATE")
            let count = try await connection.execute(
                """
                WITH large AS (
                    SELECT key, id, position, rows FROM view_blocks
                    WHERE view = \(view) AND rows > \(2 * size) LIMIT 1
                ), entries AS (
                    SELECT entry.*, large.rows, large.key AS first_key, large.id AS first_id,
                        large.position AS first_position,
                        row_number() OVER (ORDER BY entry.key, entry.id, entry.position) AS number
                    FROM large CROSS JOIN LATERAL (
                        SELECT key, id, position FROM view_rows
                        WHERE view = \(view) AND NOT echo
                            AND (key, id, position) >= (large.key, large.id, large.position)
                        ORDER BY key, id, position LIMIT least(large.rows, \(limit) + 1)
                    ) AS entry
                )
                INSERT INTO view_blocks AS old (index_id, view, key, id, position, rows)
                SELECT \(index.id), \(view),
                    -- The first goes on to begin where the block did, which need not be at a row.
                    CASE number WHEN 1 THEN first_key ELSE key END, CASE number WHEN 1 THEN first_id ELSE id END,
                    CASE number WHEN 1 THEN first_position ELSE position END,
                    CASE WHEN number > \(limit) THEN rows - \(limit) ELSE least(\(size), rows - number + 1) END
                FROM entries WHERE (number - 1) % \(size) = 0
                ON CONFLICT (view, key, id, position) DO UPDATE
                SET rows = excluded.rows, version = old.version + 1
                """
            )
            return count > 0
        }
    }
}
