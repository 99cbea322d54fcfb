package import CouchProtocol

/// A document's last change, as a reader's feed has it.
package struct StoredChange: Sendable, Hashable {
    /// The place behind it.
    package let position: FeedPosition
    package let id: DocumentID
    /// The leaves as the reader sees them, the winner among them first; with `style=main_only` the winner alone.
    package let revisions: [RevisionID]
    /// Whether the winner is a tombstone; also the one that tells a reader to forget what is not the reader's any more.
    package let isDeleted: Bool
}

/// A stretch of a reader's feed.
package struct StoredChanges: Sendable {
    package let changes: [StoredChange]
    /// Where to read on: behind the last change, or at the database's present end when the feed is exhausted.
    package let end: FeedPosition
    /// Whether the feed goes on behind the last of these changes.
    package let hasMore: Bool
}
