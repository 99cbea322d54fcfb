package import DocumentStore
import Postgres

/// What `_design/<name>/_info` tells of an index.
package struct IndexInformation: Sendable {
    package let signature: [UInt8]
    package let updateSeq: Int
    package let purgeSeq: Int
    package let isUpdating: Bool
    /// How many rows there are, and how many bytes their keys and values have.
    package let rows: Int
    package let bytes: Int
    /// The documents that a view skips because its map failed.
    package let skipped: Int
    /// Some of them, with the reasons.
    package let failures: [(document: String, reason: String)]
}

extension ViewIndexes {
    /// The figures of an index.
    package func information(_ index: ViewIndex) async throws -> IndexInformation {
        let rows = try await store.client.query(
            """
            SELECT seq, purge_seq, coalesce(held_until > now(), false),
                (SELECT coalesce(sum(rows), 0)::bigint FROM view_parts WHERE index_id = \(index.id)),
                (SELECT coalesce(sum(bytes), 0)::bigint FROM view_parts WHERE index_id = \(index.id)),
                (SELECT count(DISTINCT document) FROM view_failures WHERE index_id = \(index.id))
            FROM view_indexes WHERE id = \(index.id)
            """
        )
        guard let row = rows.first else { throw IndexGone() }
        let (seq, purge, isUpdating, count, bytes, skipped) =
            try row.decode(Int64.self, Int64.self, Bool.self, Int64.self, Int64.self, Int64.self)
        let failures = try await store.client.query(
            """
            SELECT documents.id, reason FROM view_failures JOIN documents ON number = document
            WHERE index_id = \(index.id) ORDER BY document LIMIT 10
            """
        )
        return IndexInformation(
            signature: index.definition.signature,
            updateSeq: Int(seq),
            purgeSeq: Int(purge),
            isUpdating: isUpdating,
            rows: Int(count),
            bytes: Int(bytes),
            skipped: Int(skipped),
            failures: try failures.map { try $0.decode(String.self, String.self) }
        )
    }

    /// Takes away the indexes of a database whose signatures are not among these; how many there were.
    @discardableResult
    package func cleanUp(_ database: Database, keeping signatures: [[UInt8]]) async throws -> Int {
        let unneeded = try await store.client.query(
            "SELECT id FROM view_indexes WHERE database = \(database.id) AND NOT signature = ANY (\(signatures))"
        )
        var count = 0
        for id in try unneeded.map({ try $0.decode(Int64.self) }) {
            // Each by itself, so that what is done is done.
            count += try await store.client.transaction { connection in
                // The rows of a large index, which go with it, take longer than a statement may.
                try await connection.limitStatements(to: nil)
                return try await connection.execute("DELETE FROM view_indexes WHERE id = \(id)")
            }
        }
        return count
    }
}
