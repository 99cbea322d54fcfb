import DocumentStore
import Postgres

/// How many rows of a view are read at once.
///
/// A map may emit whole documents, and what is in memory must not depend on it.
package struct PageSize: Sendable, Hashable {
    /// As many as have the bytes that a page is to have, if they are as large as they are on average.
    package let rows: Int
    /// How many there may be even if all of them are as large as the largest.
    let surely: Int
    private let limit: Int

    /// How many bytes the rows may have; nil where their number says that already, as nearly always: to add the bytes
    /// up takes PostgreSQL some time.
    var bytes: Int? { surely < rows ? limit : nil }

    /// How many times as large a page may be as it is to be, if its rows are larger than others.
    private static let spread = 8

    /// - Parameters:
    ///   - bytes: How many bytes a page is to have.
    ///   - limit: The most rows that it has.
    init(bytes: Int, limit: Int, average: Int, largest: Int) {
        self.limit = bytes
        rows = min(max(bytes / max(average, 1), 1), limit)
        surely = min(max(Self.spread * bytes / max(average, largest, 1), 1), rows)
    }
}

extension ViewIndexes {
    /// How many rows of a view are read at once; at most `limit`.
    package func page(of index: ViewIndex, place: Int, bytes: Int, atMost limit: Int) async throws -> PageSize {
        try await page(of: index.views[place], in: index.database, bytes: bytes, atMost: limit)
    }

    func page(of view: Int64, in database: Database, bytes: Int, atMost limit: Int) async throws -> PageSize {
        PageSize(
            bytes: bytes,
            limit: limit,
            average: Int(try await averageRow(of: view)),
            // Rows are made of documents, and hardly ever larger.
            largest: Int(try await store.largestDocument(of: database))
        )
    }

    /// Bytes of a row of the view, as of at most a second ago.
    private func averageRow(of view: Int64) async throws -> Int64 {
        if let known = averageRows[view] { return known }
        let rows = try await store.client.query(
            "SELECT (bytes / greatest(rows, 1))::bigint FROM view_parts WHERE view = \(view)"
        )
        let average = try rows.first?.decode(Int64.self) ?? 1
        averageRows[view] = average
        return average
    }
}

extension PostgresQuery {
    /// As many of the rows of a query, which have the columns of ``ViewRow`` among theirs, as have so many bytes
    /// together, from the first on; at least one.
    ///
    /// - Parameter order: By which they are counted, and given.
    static func first(bytes: Int, of query: PostgresQuery, by order: String) -> PostgresQuery {
        """
        SELECT * FROM (
            SELECT *, sum(octet_length(json) + octet_length(value))
                OVER (ORDER BY \(unescaped: order) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM (\(fragment: query)) AS found
        ) AS sized
        WHERE coalesce(before, 0) < \(Int64(bytes)) ORDER BY \(unescaped: order)
        """
    }
}
