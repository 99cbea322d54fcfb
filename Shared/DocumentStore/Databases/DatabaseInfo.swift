import CouchProtocol
import Postgres

/// The figures of a database, as `GET /<database>` answers them to an administrator.
package struct DatabaseInfo: Sendable {
    package let updateSeq: Int
    package let purgeSeq: Int
    package let documents: Int
    package let deleted: Int
    package let createdSecondsSince1970: Int
    /// Whether a compaction was asked for and is not over.
    package let isCompacting: Bool
}

/// How many bytes a database takes.
package struct DatabaseSizes: Sendable, Hashable {
    /// The database's share of the files: of tables that hold all databases, as much as its share of the documents.
    package var file = 0
    /// The documents as JSON.
    package var external = 0
    /// The documents as they are stored.
    package var active = 0

    /// Of a database without documents, or for those whom it does not concern.
    package init(file: Int = 0, external: Int = 0, active: Int = 0) {
        self.file = file
        self.external = external
        self.active = active
    }
}

extension DocumentStore {
    /// The database's figures at this moment.
    package func info(_ database: Database) async throws -> DatabaseInfo {
        let rows = try await client.query(
            """
            SELECT seq, purge_seq, live, deleted, extract(epoch FROM created_at)::bigint,
                coalesce((SELECT requested FROM compactions WHERE compactions.database = databases.id), false)
            FROM counters JOIN databases ON id = database WHERE database = \(database.id)
            """
        )
        guard let row = rows.first else { throw CouchError.noDatabase }
        let (seq, purgeSeq, live, deleted, created, isCompacting) =
            try row.decode(Int64.self, Int64.self, Int64.self, Int64.self, Int64.self, Bool.self)
        return DatabaseInfo(
            updateSeq: Int(seq),
            purgeSeq: Int(purgeSeq),
            documents: Int(live),
            deleted: Int(deleted),
            createdSecondsSince1970: Int(created),
            isCompacting: isCompacting
        )
    }

    /// How many bytes the database takes: measured on its documents while they are few, and otherwise on some that are
    /// spread over the order of changes, so that the answer costs the same however large the database is.
    package func sizes(of database: Database, _ info: DatabaseInfo) async throws -> DatabaseSizes {
        let count = info.documents + info.deleted
        guard count > 0 else { return DatabaseSizes() }
        let rows = try await client.query(
            """
            WITH place AS (
                SELECT DISTINCT found.number, found.size
                FROM generate_series(1, \(Self.sampleSize)) AS step
                CROSS JOIN LATERAL (
                    SELECT number, pg_column_size(tree) + octet_length(id) AS size FROM documents
                    WHERE documents.database = \(database.id)
                        AND seq >= (step - 1) * \(Int64(info.updateSeq)) / \(Self.sampleSize) AND seq > 0
                    ORDER BY seq LIMIT 1
                ) AS found
            )
            SELECT count(*), coalesce(sum(place.size + body.stored), 0)::bigint, coalesce(sum(body.text), 0)::bigint,
                (SELECT coalesce(sum(live + deleted), 0)::bigint FROM counters),
                (
                    pg_total_relation_size('documents') + pg_total_relation_size('bodies')
                    + pg_total_relation_size('feed_entries') + pg_total_relation_size('change_log')
                )
            FROM place CROSS JOIN LATERAL (
                SELECT coalesce(sum(pg_column_size(body) + coalesce(octet_length(exact), 0)), 0) AS stored,
                    coalesce(sum(coalesce(octet_length(exact), octet_length(body::text))), 0) AS text
                FROM bodies WHERE bodies.document = place.number
            ) AS body
            """
        )
        guard let row = rows.first else { return DatabaseSizes() }
        let (measured, active, external, all, files) =
            try row.decode(Int64.self, Int64.self, Int64.self, Int64.self, Int64.self)
        let scale = measured > 0 ? Double(count) / Double(measured) : 0
        let share = all > 0 ? Double(count) / Double(all) : 0
        let sizes = DatabaseSizes(external: Int(Double(external) * scale), active: Int(Double(active) * scale))
        return DatabaseSizes(
            file: max(Int(Double(files) * share), sizes.active),
            external: sizes.external,
            active: sizes.active
        )
    }

    /// How many documents are measured at most.
    private static let sampleSize: Int64 = 1_000
}
