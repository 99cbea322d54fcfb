import CouchProtocol

/// What must be known of a document to plan a change of it.
struct DocumentRecord: Sendable {
    /// The number of its last change; 0 when it does not exist.
    var seq: Int64 = 0
    var tree = RevisionTree<Tags>()
    /// The attachments of the revisions that are kept; only where an edit keeps some of those before it.
    var attachments: [RevisionID: [StoredAttachment]] = [:]

    /// The feeds that the document is in: those of all its leaves.
    var feeds: Set<Feed> {
        let leaves = tree.leaves
        guard leaves.count != 1 else { return (leaves[0].payload ?? .none).feeds }
        return leaves.reduce(into: []) { $0.formUnion(($1.payload ?? .none).feeds) }
    }

    /// How the document counts: alive, deleted, or not at all.
    var isLive: Bool? {
        tree.winner.map { !$0.isDeleted }
    }
}
