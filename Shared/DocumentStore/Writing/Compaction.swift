import CouchProtocol
import JSON
package import Postgres

extension DocumentStore {
    /// Deletes the bodies of revisions that are no leaves any more, for the next stretch of the change log.
    ///
    /// Every change that supersedes a revision is in the log, so the log says which documents to look at. A step is a
    /// small transaction. It locks the documents that it looks at, so that none of them gets a new leaf meanwhile, and
    /// leaves out those that are being written: they come again.
    ///
    /// - Parameters:
    ///   - seq: The last change that everybody who follows the log has seen; what they still need is kept.
    ///   - age: How old a change must be, unless an administrator asked for a compaction.
    /// - Returns: Whether there may be more to do at once.
    package func compact(_ database: Database, through seq: Int, olderThan age: Duration) async throws -> Bool {
        try await client.transaction { connection in
            guard let state = try await Self.compaction(of: database, over: connection) else { return false }
            let stretch = try await Self.stretch(
                of: database,
                behind: state.seq,
                through: Int64(clamping: seq),
                olderThan: state.requested ? .zero : age,
                over: connection
            )
            if let last = stretch.last {
                let bodies = try await Self.superseded(stretch.ids, before: last, in: database, over: connection)
                try await Self.forget(bodies, connection)
                try await connection.execute(
                    "UPDATE compactions SET seq = \(last) WHERE database = \(database.id)"
                )
            } else if state.requested {
                try await connection.execute(
                    "UPDATE compactions SET requested = false WHERE database = \(database.id)"
                )
            }
            return stretch.last != nil
        }
    }

    /// Asks for a compaction now (`_compact`).
    package func requestCompaction(of database: Database) async throws {
        try await client.execute(
            """
            INSERT INTO compactions (database, requested) VALUES (\(database.id), true)
            ON CONFLICT (database) DO UPDATE SET requested = true
            """
        )
    }

    /// The change up to which the database is compacted: what is in the log behind it is still needed.
    ///
    /// - Parameter connection: What PostgreSQL is asked over, within a transaction; nil for any.
    package func compactedThrough(
        _ database: Database,
        over connection: PostgresConnection? = nil
    ) async throws -> Int {
        let question: PostgresQuery = "SELECT seq FROM compactions WHERE database = \(database.id)"
        let rows: PostgresRows
        if let connection {
            rows = try await connection.query(question)
        } else {
            rows = try await client.query(question)
        }
        return Int(try rows.first?.decode(Int64.self, at: 0) ?? 0)
    }

    /// How many changes one step looks at.
    private static let compactionStretch: Int64 = 500

    /// Locks the state of the compaction; nil when somebody else has it.
    private static func compaction(
        of database: Database,
        over connection: PostgresConnection
    ) async throws -> (seq: Int64, requested: Bool)? {
        try await connection.execute(
            "INSERT INTO compactions (database) VALUES (\(database.id)) ON CONFLICT DO NOTHING"
        )
        let rows = try await connection.query(
            "SELECT seq, requested FROM compactions WHERE database = \(database.id) FOR UPDATE SKIP LOCKED"
        )
        return try rows.first?.decode(Int64.self, Bool.self)
    }

    /// The documents of the next changes, as far as the changes are old enough, and the number of the last of them.
    private static func stretch(
        of database: Database,
        behind seq: Int64,
        through end: Int64,
        olderThan age: Duration,
        over connection: PostgresConnection
    ) async throws -> (ids: [String], last: Int64?) {
        let seconds = Double(age.components.seconds) + Double(age.components.attoseconds) * 1e-18
        let rows = try await connection.query(
            """
            SELECT seq, id, committed_at <= now() - \(seconds) * interval '1 second' FROM change_log
            WHERE database = \(database.id) AND seq > \(seq) AND seq <= \(end)
            ORDER BY seq LIMIT \(compactionStretch)
            """
        )
        var ids: Set<ExactText> = []
        var last: Int64?
        for row in rows {
            let (seq, id, isOld) = try row.decode(Int64.self, String.self, Bool.self)
            guard isOld else { break }
            ids.insert(ExactText(id))
            last = seq
        }
        return (ids.sortedTexts, last)
    }

    /// The bodies of these documents that belong to no leaf.
    ///
    /// A document that has changed again later is left to that change, which may be too young, or not seen by all.
    private static func superseded(
        _ ids: [String],
        before last: Int64,
        in database: Database,
        over connection: PostgresConnection
    ) async throws -> [(document: Int64, rev: String)] {
        let rows = try await connection.query(
            """
            SELECT document.number, document.tree,
                ARRAY(SELECT rev FROM bodies WHERE bodies.document = document.number)
            FROM unnest(\(ids)) AS asked (id)
            CROSS JOIN LATERAL (
                SELECT number, tree FROM documents
                WHERE documents.database = \(database.id) AND documents.id = asked.id
                    AND documents.seq <= \(last) AND (leaves > 1 OR rev NOT LIKE '1-%')
                LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
            ) AS document
            """
        )
        var superseded: [(Int64, String)] = []
        for row in rows {
            let (number, tree, revs) = try row.decode(Int64.self, [UInt8].self, [String].self)
            // What cannot be read is left as it is, and must not keep the others from being compacted.
            guard let tree = try? RevisionTree<Tags>(decoding: tree) else { continue }
            let leaves = Set(tree.leaves.map(\.id.description))
            superseded += revs.filter { !leaves.contains($0) }.map { (number, $0) }
        }
        return superseded
    }

    private static func forget(
        _ bodies: [(document: Int64, rev: String)],
        _ connection: PostgresConnection
    ) async throws {
        guard !bodies.isEmpty else { return }
        try await connection.execute(
            """
            DELETE FROM bodies WHERE ctid = ANY (ARRAY(
                SELECT body.ctid FROM unnest(\(bodies.map(\.document)), \(bodies.map(\.rev))) AS gone (document, rev)
                CROSS JOIN LATERAL (
                    SELECT ctid FROM bodies WHERE bodies.document = gone.document AND bodies.rev = gone.rev LIMIT 1
                ) AS body
            ))
            """
        )
    }
}
