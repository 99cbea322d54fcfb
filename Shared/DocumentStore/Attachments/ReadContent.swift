import CouchProtocol
import Postgres

extension DocumentStore {
    /// Reads a content, or some of its bytes, from front to back.
    ///
    /// One chunk is read when the one before has been delivered, and no connection is held meanwhile: a slow reader
    /// costs the memory of a chunk.
    package func read(
        _ content: StoredContent,
        _ range: Range<Int>? = nil,
        deliver: (ArraySlice<UInt8>) async throws -> Void
    ) async throws {
        let range = range ?? 0..<content.length
        var position = range.lowerBound
        while position < range.upperBound {
            let place = position / StoredContent.chunkSize
            let chunk = try await chunk(place, of: content)
            let start = position - place * StoredContent.chunkSize
            let end = min(chunk.count, range.upperBound - place * StoredContent.chunkSize)
            guard start < end else { throw CouchError.internalError }
            try await deliver(chunk[start..<end])
            position += end - start
        }
    }

    private func chunk(_ place: Int, of content: StoredContent) async throws -> [UInt8] {
        let rows = try await client.query(
            "SELECT data FROM attachment_chunks WHERE content = \(content.id) AND place = \(Int32(place))"
        )
        // Deleted while it is read, and swept: the reader gets less than was announced, and sees that.
        guard let bytes = try rows.first?.bytes(0) else { throw CouchError.missingAttachment }
        return bytes
    }
}
