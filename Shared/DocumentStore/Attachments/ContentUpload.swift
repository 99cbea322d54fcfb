import CouchProtocol
import Crypto
import Postgres

/// Takes in the content of one attachment as it arrives, in memory that does not grow with it.
///
/// What has arrived is in the database and cannot be found there until ``finish()``. An upload that ends otherwise must
/// be abandoned; what is left of one that its process did not survive is swept.
package struct ContentUpload {
    /// How often what is not referred to yet must be said to be still wanted; far more often than the sweep forgets it.
    package static let signOfLife = Duration.seconds(300)

    private let store: DocumentStore
    private let name: String
    private let limit: Int
    /// What came before in the same request, which must not be swept while this one arrives.
    private let companions: [Int64]
    private var md5 = Insecure.MD5()
    private var sha256 = SHA256()
    private var pending: [UInt8] = []
    private var id: Int64?
    private var place: Int32 = 0
    private var lastSign = ContinuousClock.now
    package private(set) var length = 0

    /// - Parameters:
    ///   - name: The attachment's name, for errors.
    ///   - limit: How many bytes it may have.
    ///   - companions: What else has arrived for the same document.
    package init(to store: DocumentStore, name: String, limit: Int, beside companions: [StoredContent] = []) {
        self.store = store
        self.name = name
        self.limit = limit
        self.companions = companions.map(\.id)
    }

    /// Takes the next bytes.
    ///
    /// - Throws: `attachment_too_large` when they are more than the limit.
    package mutating func append(_ bytes: some Collection<UInt8>) async throws {
        length += bytes.count
        guard length <= limit else { throw CouchError.attachmentTooLarge(name) }
        pending.append(contentsOf: bytes)
        while pending.count >= StoredContent.chunkSize {
            try await write(pending[..<StoredContent.chunkSize])
            pending.removeFirst(StoredContent.chunkSize)
        }
    }

    /// The content, now that all of it is there.
    ///
    /// - Parameter digest: What the client says that it is (`md5-…`); anything else is not compared.
    /// - Throws: `content_md5_mismatch` when it is another.
    package mutating func finish(expecting digest: String? = nil) async throws -> StoredContent {
        guard let id else {
            let content = NewContent(pending)
            try Self.check(content.digest, digest)
            return try await store.keep([content])[0]
        }
        if !pending.isEmpty { try await write(pending[...]) }
        let (sha256, md5) = (Array(self.sha256.finalize()), Array(self.md5.finalize()))
        let found = NewContent.digest(md5)
        try Self.check(found, digest)
        let rows = try await store.client.query("SELECT finish_content(\(id), \(sha256), \(md5), \(Int64(length)))")
        guard let row = rows.first else { throw CouchError.internalError }
        return StoredContent(id: try row.decode(Int64.self, at: 0), length: length, digest: found)
    }

    /// Forgets what has arrived, as far as that is possible.
    package func abandon() async {
        guard let id else { return }
        // Not for ever when this fails, too: the sweep comes later.
        _ = try? await store.client.execute("DELETE FROM attachment_contents WHERE id = \(id) AND sha256 IS NULL")
    }

    private static func check(_ digest: String, _ expected: String?) throws(CouchError) {
        guard let expected, expected.hasPrefix("md5-") else { return }
        guard expected == digest else { throw .digestMismatch }
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>) async throws {
        let chunk = Array(bytes)
        md5.update(data: chunk)
        sha256.update(data: chunk)
        let id = try await content()
        try await giveSignOfLife(id)
        try await store.client.execute(
            "INSERT INTO attachment_chunks (content, place, data) VALUES (\(id), \(place), \(chunk))"
        )
        place += 1
    }

    /// The row of the content, made with its first chunk: small contents need none before they are complete.
    private mutating func content() async throws -> Int64 {
        if let id { return id }
        let rows = try await store.client.query(
            """
            WITH made AS (INSERT INTO attachment_contents DEFAULT VALUES RETURNING id)
            INSERT INTO loose_contents (content) SELECT id FROM made RETURNING content
            """
        )
        guard let row = rows.first else { throw CouchError.internalError }
        let made = try row.decode(Int64.self, at: 0)
        id = made
        return made
    }

    private mutating func giveSignOfLife(_ id: Int64) async throws {
        guard lastSign.duration(to: .now) > Self.signOfLife else { return }
        lastSign = .now
        try await store.want(companions + [id])
    }
}

extension DocumentStore {
    /// Says that contents are still wanted to which nothing refers yet, so that they are not swept.
    package func want(_ contents: [StoredContent]) async throws {
        guard !contents.isEmpty else { return }
        try await want(contents.map(\.id))
    }

    fileprivate func want(_ contents: [Int64]) async throws {
        try await client.execute("UPDATE loose_contents SET since = now() WHERE content = ANY(\(contents))")
    }
}
