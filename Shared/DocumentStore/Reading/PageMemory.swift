import CouchProtocol
import Postgres

/// How much of documents may be in memory for one reader.
enum PageMemory {
    /// How many bytes of bodies, and the histories that are read with them.
    static let bodies: Int64 = 8 << 20
    /// How many bytes of histories in a page of a feed, which has no bodies.
    static let histories: Int64 = 8 << 20
}

extension DocumentStore {
    /// How many of these revisions fit into memory together, from the first on; at least one.
    ///
    /// Whoever is about to read several asks first. While the largest document of the database times their number fits,
    /// as nearly always, nothing is looked up. Where no revision is named, all that is kept of the document counts.
    package func fitting(_ requests: [RevisionRequest], of database: Database) async throws -> Int {
        guard requests.count > 1,
            try await largestDocument(of: database) > PageMemory.bodies / Int64(requests.count)
        else { return requests.count }
        let rows = try await client.query(
            """
            SELECT count(*) FROM (
                SELECT sum(coalesce(bodies.size, 0) + coalesce(documents.history, 0)) OVER (ORDER BY place) AS sum
                FROM unnest(\(requests.map(\.id.text)), \(requests.map { $0.revision?.description }))
                    WITH ORDINALITY AS asked (id, rev, place)
                LEFT JOIN LATERAL (
                    SELECT number, octet_length(tree) AS history FROM documents
                    WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
                ) AS documents ON true
                LEFT JOIN LATERAL (
                    SELECT sum(size) AS size FROM bodies
                    WHERE bodies.document = documents.number AND (asked.rev IS NULL OR bodies.rev = asked.rev)
                ) AS bodies ON true
            ) AS pages
            WHERE sum <= \(PageMemory.bodies)
            """
        )
        return max(1, Int(try rows.first?.decode(Int64.self) ?? 1))
    }

    /// How many of these rows fit into memory together with their bodies, from the first on; at least one.
    package func fitting(_ listed: some Collection<ListedDocument>, of database: Database) async throws -> Int {
        try await fitting(listed.map { RevisionRequest(id: $0.id, revision: $0.body.revision) }, of: database)
    }

    /// The most bytes that a document of the database ever had, with its history, or about so many.
    package func largestDocument(of database: Database) async throws -> Int64 {
        if let known = largestDocuments[database.id] { return known }
        let rows = try await client.query("SELECT largest FROM counters WHERE database = \(database.id)")
        let largest = try rows.first?.decode(Int64.self) ?? 0
        largestDocuments[database.id] = largest
        return largest
    }
}
