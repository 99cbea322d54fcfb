package import CouchProtocol
package import Postgres

/// A committed change with all that is published of it and that listeners choose by.
package struct CommittedChange: Sendable {
    package let seq: Int
    package let id: DocumentID
    package let revision: String
    package let isDeleted: Bool
    /// Of a deletion how the document ended, where that was not by the ``revision``.
    package var ending: Ending?
    /// Those of the ``revision``.
    package let tags: Tags
    /// `device`, `sequence` or `admin`; empty where nobody knows any more.
    package let origin: String
    /// Who wrote it; nil for nobody.
    package let author: String?
    /// The trace that it came with, or of its own when it came without one.
    package let traceID: String?
    /// The feeds whose readers lost something by it.
    package var bereft: [Feed] = []
    /// The names of the listeners whose runs led to it, themselves or through others.
    package var lineage: [String] = []
}

extension DocumentStore {
    /// Every committed change behind a number, in order, for those that follow the database as a whole.
    ///
    /// Other than a feed, it has each change of a document and not only the last, as far back as the slowest follower.
    package func committedChanges(in database: Database, since: Int, limit: Int) async throws -> [CommittedChange] {
        let rows = try await client.query(
            """
            SELECT seq, id, rev, deleted, owner, groups::text, origin, author, trace_id, bereft,
                coalesce(lineage, '[]')::text, ending::text
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
                ending: try row.decode(String?.self, at: 11).map(Ending.init(column:)),
                tags: Tags(
                    owner: try row.decode(String?.self, at: 4),
                    groups: try Self.groups(try row.decode(String.self, at: 5))
                ),
                origin: try row.decode(String.self, at: 6),
                author: try row.decode(String?.self, at: 7),
                traceID: try row.decode(String?.self, at: 8),
                bereft: (try row.decode([String]?.self, at: 9) ?? []).map(Feed.init(text:)),
                // The column is written as that of the groups is.
                lineage: try Self.groups(try row.decode(String.self, at: 10))
            )
        }
    }

    /// The number behind which the change log has every change: what is older was pruned.
    package func startOfChangeLog(of database: Database) async throws -> Int {
        try Self.number(try await client.query(Self.startOfChangeLog(of: database)))
    }

    /// The same, as a transaction sees it.
    package func startOfChangeLog(of database: Database, over connection: PostgresConnection) async throws -> Int {
        try Self.number(try await connection.query(Self.startOfChangeLog(of: database)))
    }

    private static func startOfChangeLog(of database: Database) -> PostgresQuery {
        """
        SELECT coalesce(
            (SELECT seq - 1 FROM change_log WHERE database = \(database.id) ORDER BY seq LIMIT 1),
            (SELECT seq FROM counters WHERE database = \(database.id)), 0)
        """
    }

    private static func number(_ rows: PostgresRows) throws -> Int {
        Int(try rows.first?.decode(Int64.self, at: 0) ?? 0)
    }

    /// How many changes there are behind a number, counted up to a limit.
    package func countChanges(in database: Database, since: Int, limit: Int) async throws -> Int {
        let rows = try await client.query(
            """
            SELECT count(*) FROM (
                SELECT FROM change_log WHERE database = \(database.id) AND seq > \(Int64(since)) LIMIT \(Int64(limit))
            ) AS behind
            """
        )
        return Int(try rows.first?.decode(Int64.self, at: 0) ?? 0)
    }

    /// The last change of each document whose last change is older than the change log, in order.
    ///
    /// Who made it, and where, is known no more.
    package func unloggedChanges(in database: Database, since: Int, limit: Int) async throws -> [CommittedChange] {
        let rows = try await client.query(
            """
            SELECT seq, id, rev, deleted, owner, groups::text FROM documents
            WHERE database = \(database.id) AND seq > \(Int64(since)) AND seq > 0 AND seq < coalesce(
                (SELECT seq FROM change_log WHERE database = \(database.id) ORDER BY seq LIMIT 1), 9223372036854775807)
            ORDER BY seq LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (seq, id, revision, isDeleted, owner, groups) = try row.decode(
                Int64.self,
                String.self,
                String.self,
                Bool.self,
                String?.self,
                String.self
            )
            return CommittedChange(
                seq: Int(seq),
                id: DocumentID(stored: id),
                revision: revision,
                isDeleted: isDeleted,
                tags: Tags(owner: owner, groups: try Self.groups(groups)),
                origin: "",
                author: nil,
                traceID: nil
            )
        }
    }

    /// Forgets the changes up to a number, which every follower has seen, that are older than that.
    ///
    /// - Parameters:
    ///   - database: Whose changes.
    ///   - seq: The number of the last one that may go.
    ///   - age: How old they are at least.
    ///   - limit: How many are forgotten at once.
    ///   - connection: What PostgreSQL is asked over, within a transaction; nil for any.
    /// - Returns: How many were forgotten; as many as `limit` means that there may be more.
    package func pruneChangeLog(
        of database: Database,
        through seq: Int,
        olderThan age: Duration,
        limit: Int,
        over connection: PostgresConnection? = nil
    )
        async throws -> Int
    {
        let seconds = Double(age.components.seconds)
        let statement: PostgresQuery =
            """
            DELETE FROM change_log WHERE database = \(database.id) AND seq IN (
                SELECT seq FROM change_log WHERE database = \(database.id) AND seq <= \(Int64(seq))
                    AND committed_at < now() - \(seconds) * interval '1 second'
                ORDER BY seq LIMIT \(Int64(limit))
            )
            """
        if let connection { return try await connection.execute(statement) }
        return try await client.execute(statement)
    }
}
