package import CouchProtocol
import Postgres

/// A committed change with all that is published of it and that listeners choose by.
package struct CommittedChange: Sendable {
    package let seq: Int
    package let id: DocumentID
    package let revision: String
    package let isDeleted: Bool
    package let tags: Tags
    /// `device`, `sequence` or `admin`.
    package let origin: String
    /// Who wrote it; nil for nobody.
    package let author: String?
    /// The trace that it came with, or of its own when it came without one.
    package let traceID: String?
    /// The feeds whose readers lost something by it.
    package var bereft: [Feed] = []
}

extension DocumentStore {
    /// Every committed change behind a number, in order, for those that follow the database as a whole.
    ///
    /// Other than a feed, it has each change of a document and not only the last, as far back as the slowest follower.
    package func committedChanges(in database: Database, since: Int, limit: Int) async throws -> [CommittedChange] {
        let rows = try await client.query(
            """
            SELECT seq, id, rev, deleted, owner, groups::text, origin, author, trace_id, bereft
            FROM change_log WHERE database = \(database.id) AND seq > \(Int64(since))
            ORDER BY seq LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            CommittedChange(
                seq: Int(try row.decode(Int64.self, at: 0)),
                id: DocumentID(stored: try row.decode(String.self, at: 1)),
                revision: try row.decode(String.self, at: 2),
                isDeleted: try row.decode(Bool.self, at: 3),
                tags: Tags(
                    owner: try row.decode(String?.self, at: 4),
                    groups: try Self.groups(try row.decode(String.self, at: 5))
                ),
                origin: try row.decode(String.self, at: 6),
                author: try row.decode(String?.self, at: 7),
                traceID: try row.decode(String?.self, at: 8),
                bereft: (try row.decode([String]?.self, at: 9) ?? []).map(Feed.init(text:))
            )
        }
    }

    /// Forgets the changes up to a number, which every follower has seen, that are older than that.
    ///
    /// - Returns: How many were forgotten; as many as `limit` means that there may be more.
    package func pruneChangeLog(
        of database: Database,
        through seq: Int,
        olderThan age: Duration,
        limit: Int
    )
        async throws -> Int
    {
        let seconds = Double(age.components.seconds)
        return try await client.execute(
            """
            DELETE FROM change_log WHERE database = \(database.id) AND seq IN (
                SELECT seq FROM change_log WHERE database = \(database.id) AND seq <= \(Int64(seq))
                    AND committed_at < now() - \(seconds) * interval '1 second'
                ORDER BY seq LIMIT \(Int64(limit))
            )
            """
        )
    }
}
