import CouchProtocol
import Postgres

/// Reads a content, or some of its bytes, from front to back.
///
/// One chunk is read at a time, when it is asked for, and no connection is held meanwhile: a slow reader costs the
/// memory of a chunk.
package struct ContentReader: Sendable {
    private let store: DocumentStore
    private let content: StoredContent
    private var position: Int
    private let end: Int

    /// - Parameter range: The bytes to read; nil for all.
    package init(_ content: StoredContent, _ range: Range<Int>? = nil, from store: DocumentStore) {
        self.store = store
        self.content = content
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? content.length
    }

    /// The next bytes; nil at the end.
    package mutating func next() async throws -> ArraySlice<UInt8>? {
        guard position < end else { return nil }
        let place = position / StoredContent.chunkSize
        let chunk = try await chunk(place)
        let start = position - place * StoredContent.chunkSize
        let stop = min(chunk.count, end - place * StoredContent.chunkSize)
        guard start < stop else { throw CouchError.internalError }
        position += stop - start
        return chunk[start..<stop]
    }

    private func chunk(_ place: Int) async throws -> [UInt8] {
        let rows = try await store.client.query(
            "SELECT data FROM attachment_chunks WHERE content = \(content.id) AND place = \(Int32(place))"
        )
        // Deleted while it is read, and swept: the reader gets less than was announced, and sees that.
        guard let bytes = try rows.first?.bytes(0) else { throw CouchError.missingAttachment }
        return bytes
    }
}
