import CouchProtocol
import Postgres

/// A stretch of the documents of a database, by id.
package struct DocumentRange: Sendable {
    /// The first id, in reading order; nil for the very first.
    package var first: String?
    /// The last id, in reading order; nil for the very last.
    package var last: String?
    package var includesLast = true
    package var isDescending = false
    package var skip = 0
    /// How many documents are read at most.
    package var limit = 100_000

    package init() {}

    /// The condition on `documents.id`.
    fileprivate var condition: PostgresQuery {
        let (lower, upper) = isDescending ? (last, first) : (first, last)
        let (lowerIsIn, upperIsIn) = isDescending ? (includesLast, true) : (true, includesLast)
        var condition: PostgresQuery = "NOT documents.deleted"
        if let lower {
            condition.append(unescaped: lowerIsIn ? " AND documents.id >= " : " AND documents.id > ")
            condition.append(lower)
        }
        if let upper {
            condition.append(unescaped: upperIsIn ? " AND documents.id <= " : " AND documents.id < ")
            condition.append(upper)
        }
        return condition
    }
}

extension DocumentStore {
    /// The live documents of that range that the caller may read, by id.
    ///
    /// A user's are found through the feeds that the user is in, so it costs what the user has.
    package func documents(
        in range: DocumentRange,
        of database: Database,
        for caller: Caller
    ) async throws
        -> [StoredRevision]
    {
        var source: PostgresQuery = "documents WHERE documents.database = \(database.id)"
        if let feeds = caller.feeds {
            source = """
                (
                    SELECT DISTINCT entry.document
                    FROM (\(fragment: FeedRegistry.numbers(ofExisting: feeds, in: database))) AS feed
                    JOIN feed_entries AS entry ON entry.feed = feed.number WHERE entry.present
                ) AS entry
                CROSS JOIN LATERAL (SELECT * FROM documents WHERE number = entry.document LIMIT 1) AS documents
                WHERE true
                """
        }
        let order = range.isDescending ? "ORDER BY documents.id DESC" : "ORDER BY documents.id"
        let query: PostgresQuery = """
            SELECT \(unescaped: Self.revisionColumns)
            FROM (
                SELECT documents.* FROM \(fragment: source) AND \(fragment: range.condition)
                \(unescaped: order) OFFSET \(Int64(range.skip)) LIMIT \(Int64(range.limit))
            ) AS documents
            \(unescaped: Self.body(of: "documents.rev"))
            \(unescaped: order)
            """
        let rules = AccessRules(database.settings)
        let rows = try await client.query(query)
        var found = try rows.map { try Self.revision($0, for: caller, rules) }
        // The winner of a document may be hidden while another leaf is not.
        let hidden = try found.indices.filter { found[$0] == nil }.map { place in
            (place, RevisionRequest(id: DocumentID(stored: try rows[place].decode(String.self, at: 0))))
        }
        let visible = try await fetch(hidden.map(\.1), from: database, for: caller)
        for (place, request) in hidden { found[place] = visible[request].flatMap { $0.isDeleted ? nil : $0 } }
        return found.compactMap(\.self)
    }
}
