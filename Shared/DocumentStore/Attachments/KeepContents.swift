import CouchProtocol
import Crypto
import Postgres

/// A content that is in memory as a whole.
package struct NewContent: Sendable {
    let bytes: [UInt8]
    let sha256: [UInt8]
    let md5: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        sha256 = Array(SHA256.hash(data: bytes))
        md5 = Array(Insecure.MD5.hash(data: bytes))
    }

    var digest: String { Self.digest(md5) }

    static func digest(_ md5: [UInt8]) -> String { "md5-" + Base64.encode(md5) }
}

extension DocumentStore {
    /// Keeps contents that are in memory, those that are not known yet, and gives them in the order given.
    package func keep(_ contents: [NewContent]) async throws -> [StoredContent] {
        guard !contents.isEmpty else { return [] }
        var distinct: [[UInt8]: NewContent] = [:]
        for content in contents { distinct[content.sha256] = content }
        // In one order in all processes, so that they do not wait for one another in a circle.
        let ordered = distinct.values.sorted { $0.sha256.lexicographicallyPrecedes($1.sha256) }
        var ids: [[UInt8]: Int64] = [:]
        for batch in Self.batches(ordered) {
            for row in try await client.query(Self.statement(keeping: batch)) {
                let (sha256, id) = try row.decode([UInt8].self, Int64.self)
                ids[sha256] = id
            }
        }
        return try contents.map { content in
            guard let id = ids[content.sha256] else { throw CouchError.internalError }
            return StoredContent(id: id, length: content.bytes.count, digest: content.digest)
        }
    }

    /// What one statement takes, so that its parameters stay small beside the request that they came with.
    private static func batches(_ contents: [NewContent]) -> [[NewContent]] {
        var batches: [[NewContent]] = []
        var size = Int.max
        for content in contents {
            if size > 8 << 20 || (batches.last?.count ?? 0) >= 1_000 {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(content)
            size += content.bytes.count
        }
        return batches
    }

    /// One statement for all: those with known digests are locked for a moment, so that the sweep does not take them
    /// before it can see that they are wanted.
    private static func statement(keeping contents: [NewContent]) -> PostgresQuery {
        let chunks = contents.map { content in
            stride(from: 0, to: content.bytes.count, by: StoredContent.chunkSize).map { start in
                Array(content.bytes[start..<min(start + StoredContent.chunkSize, content.bytes.count)])
            }
        }
        let places = chunks.flatMap { Array(Int32(0)..<Int32($0.count)) }
        let owners = zip(contents, chunks).flatMap { content, chunks in chunks.map { _ in content.sha256 } }
        return """
            WITH kept AS (
                INSERT INTO attachment_contents AS known (sha256, md5, length)
                SELECT * FROM unnest(
                    \(contents.map(\.sha256)), \(contents.map(\.md5)), \(contents.map { Int64($0.bytes.count) })
                )
                ON CONFLICT (sha256) DO UPDATE SET length = known.length
                RETURNING id, sha256, xmax = 0 AS is_new
            ), loose AS (
                INSERT INTO loose_contents (content) SELECT id FROM kept
            ), stored AS (
                INSERT INTO attachment_chunks (content, place, data)
                SELECT kept.id, chunk.place, chunk.data
                FROM unnest(\(owners), \(places), \(chunks.flatMap(\.self))) AS chunk (sha256, place, data)
                JOIN kept ON kept.sha256 = chunk.sha256 AND kept.is_new
            )
            SELECT sha256, id FROM kept
            """
    }
}
