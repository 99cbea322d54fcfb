import CouchProtocol
import JSON
import TestSupport

@testable import DocumentStore

/// A device with a client that knows nothing of revocations: it takes over the revisions that it lacks, as PouchDB
/// does.
struct Device {
    let user: String
    private(set) var trees: [DocumentID: RevisionTree<NoPayload>] = [:]
    private(set) var bodies: [RevisionID: [UInt8]] = [:]
    private(set) var checkpoint = FeedPosition.beginning

    init(user: String) { self.user = user }

    /// The documents that the device shows: their winning revisions, unless deleted.
    var documents: [DocumentID: RevisionID] {
        trees.compactMapValues { tree in tree.winner.flatMap { $0.isDeleted ? nil : $0.id } }
    }

    /// The content of the documents that the device shows.
    var contents: [DocumentID: [UInt8]] {
        documents.compactMapValues { bodies[$0] }
    }

    /// Pulls a stretch of the feed.
    ///
    /// - Returns: Whether there is more.
    mutating func pull(from store: TestStore, limit: Int, groups: Set<ExactText> = []) async throws -> Bool {
        let caller = Caller.user(name: user, groups: groups)
        let stretch = try await store.store.changes(
            in: store.database,
            since: Self.sent(checkpoint, store.database),
            limit: limit,
            allLeaves: true,
            for: caller
        )
        for change in stretch.changes {
            let missing = (trees[change.id] ?? RevisionTree()).missing(of: change.revisions)
            let requests = missing.map { RevisionRequest(id: change.id, revision: $0) }
            for (_, found) in try await store.store.fetch(requests, from: store.database, for: caller) {
                try take(found)
            }
        }
        checkpoint = stretch.end
        return stretch.hasMore
    }

    private mutating func take(_ found: StoredRevision) throws {
        let path = found.tree?.path(to: found.revision) ?? RevisionPath(found.revision)
        try trees[found.id, default: RevisionTree()].merge(path, status: found.isDeleted ? .deleted : .available)
        bodies[found.revision] = found.body
    }

    /// A revision that the user makes on the device, behind the one that the device shows.
    func edit(
        _ id: DocumentID,
        _ body: String,
        hash: RevisionHash,
        deleted: Bool = false,
        tags: AskedTags = AskedTags()
    ) -> DocumentEdit? {
        guard let tree = trees[id], let winner = documents[id], let path = tree.path(to: winner) else { return nil }
        return DocumentEdit(
            id: id,
            revision: .made(path.appending(hash)),
            isDeleted: deleted,
            body: DocumentBody(bytes: Array(body.utf8), isFaithfulInJSONB: true),
            tags: tags
        )
    }

    /// Keeps an edit, as the device does before it pushes.
    mutating func keep(_ edit: DocumentEdit) throws {
        guard case .made(let path) = edit.revision else { return }
        try trees[edit.id, default: RevisionTree()].merge(path, status: edit.isDeleted ? .deleted : .available)
        bodies[path.revision] = edit.body.bytes
    }

    /// All leaves, as the device pushes them back to whoever does not know them.
    var leaves: [DocumentEdit] {
        trees.flatMap { id, tree in
            tree.leaves.compactMap { leaf in
                tree.path(to: leaf.id).map { path in
                    DocumentEdit(
                        id: id,
                        revision: .made(path),
                        isDeleted: leaf.isDeleted,
                        body: DocumentBody(bytes: bodies[leaf.id] ?? [], isFaithfulInJSONB: true),
                        tags: AskedTags()
                    )
                }
            }
        }
    }

    /// A place as it comes back from a client.
    private static func sent(_ position: FeedPosition, _ database: Database) throws -> FeedPosition {
        guard let token = SequenceToken(parsing: database.token(position).sequence.text) else { return .beginning }
        return database.position(of: token)
    }
}
