import CouchProtocol
package import DocumentStore
import JSON
package import ScriptHosting
import Synchronization

/// The views of design documents, remembered by revision: a text that was read once need not be read again.
package final class ViewCatalogue: Sendable {
    private struct Key: Hashable {
        let database: Int32
        let id: DocumentID
        let revision: RevisionID
    }

    /// More than this many are forgotten all at once.
    private static let capacity = 1_000

    private let store: DocumentStore
    private let scripts: ScriptHostPool
    private let known = Mutex<[Key: DesignViews?]>([:])

    package init(store: DocumentStore, scripts: ScriptHostPool) {
        self.store = store
        self.scripts = scripts
    }

    /// The views of a design document that the caller may read; nil when it has none.
    ///
    /// - Throws: `not_found` when there is no such document.
    package func views(of design: String, in database: Database, for caller: Caller) async throws -> DesignViews? {
        let id = DocumentID.design(design)
        guard let listed = try await store.listedDocuments([id], of: database, for: caller)[0] else {
            throw CouchError.missing
        }
        guard !listed.isDeleted else { throw CouchError.deleted }
        let key = Key(database: database.id, id: id, revision: listed.revision)
        if let views = known.withLock({ $0[key] }) { return views }
        guard let found = try await store.document(id, in: database, for: caller) else { throw CouchError.missing }
        return try views(of: found, in: database)
    }

    /// The views of all design documents of a database.
    package func all(in database: Database) async throws -> [DesignViews] {
        var range = DocumentRange()
        range.onlyDesigns = true
        // One whose functions are wrong has no index to keep.
        return try await store.documents(in: range, of: database, for: .sequence(user: nil))
            .compactMap { found in (try? views(of: found, in: database)) ?? nil }
    }

    private func views(of found: StoredRevision, in database: Database) throws -> DesignViews? {
        let key = Key(database: database.id, id: found.id, revision: found.revision)
        if let views = known.withLock({ $0[key] }) { return views }
        let document = try JSONValue(parsing: found.body).objectValue ?? [:]
        let views = try DesignViews(found.id, document, scripts: scripts)
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll() }
            known[key] = .some(views)
        }
        return views
    }
}
