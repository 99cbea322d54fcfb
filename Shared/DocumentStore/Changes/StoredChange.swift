package import CouchProtocol

/// A document's last change, as a reader's feed has it.
package struct StoredChange: Sendable, Hashable {
    package let seq: Int
    package let id: DocumentID
    /// The leaves that the reader may see, the winner among them first; with `style=main_only` the winner alone.
    package let revisions: [RevisionID]
    package let isDeleted: Bool
}

/// A stretch of a reader's feed.
package struct StoredChanges: Sendable {
    package let changes: [StoredChange]
    /// Where to read on: the last change's number, or the database's present end when the feed is exhausted.
    package let lastSeq: Int
    /// Whether the feed goes on behind the last of these changes.
    package let hasMore: Bool
}
