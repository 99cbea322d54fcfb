package import DocumentStore
import JSON
package import Mango
import Synchronization

/// The Mango indexes of design documents, remembered by revision: a text that was read once need not be read again.
package final class QueryCatalogue: Sendable {
    /// More than this many are forgotten all at once.
    private static let capacity = 10_000

    private let store: DocumentStore
    private let known = Mutex<[BodyKey: [QueryIndex]]>([:])

    package init(_ store: DocumentStore) {
        self.store = store
    }

    /// The indexes that the caller may know of, in their order.
    package func indexes(in database: Database, for caller: Caller) async throws -> [QueryIndex] {
        let listed = try await store.designDocuments(in: database, for: caller)
        let remembered = known.withLock { known in listed.map { known[$0.body] } }
        let unread = zip(listed, remembered).filter { $1 == nil }.map(\.0)
        guard !unread.isEmpty else { return remembered.flatMap { $0 ?? [] }.sorted() }
        var read: [BodyKey: [QueryIndex]] = [:]
        for (document, found) in zip(unread, try await store.revisions(of: unread)) {
            // One that was changed and compacted since has no indexes at the moment.
            guard let found else { continue }
            let members = try JSONValue(parsing: found.body, limits: .unlimited).objectValue ?? [:]
            read[document.body] = QueryIndex.all(in: document.id, members)
        }
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll() }
            known.merge(read) { _, new in new }
        }
        return zip(listed, remembered).flatMap { document, indexes in indexes ?? read[document.body] ?? [] }.sorted()
    }
}
