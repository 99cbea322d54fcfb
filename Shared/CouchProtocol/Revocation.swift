import Crypto

/// The revisions by which a reader's devices are told that a document is not the reader's any more, and that it is
/// again.
///
/// The CouchDB protocol can say only one thing that makes an unmodified client drop a document: that it is deleted. So
/// a reader who loses the right to a revision is shown a tombstone behind it; and when the same revision becomes
/// readable again, a revision of the same content behind that tombstone, because a device that has the tombstone would
/// not take back what it has already. Both are made of nothing but the name of the revision before, so they are the
/// same whenever and wherever they are computed, are never stored, and are recognised when a device pushes them back.
package enum Revocation {
    /// The tombstone behind a revision that is not the reader's any more.
    package static func tombstone(of revision: RevisionID) -> RevisionID {
        following(revision, "full-sync revoked")
    }

    /// The revision behind such a tombstone, by which the content comes back.
    package static func comeback(after tombstone: RevisionID) -> RevisionID {
        following(tombstone, "full-sync returned")
    }

    /// Whether the newest revision of a path is one of these: it says nothing that its sender made.
    package static func isOurs(_ path: RevisionPath) -> Bool {
        let revisions = Array(path.revisions.prefix(3))
        guard revisions.count > 1 else { return false }
        if revisions[0] == tombstone(of: revisions[1]) { return true }
        return revisions.count > 2 && revisions[0] == comeback(after: revisions[1])
            && revisions[1] == tombstone(of: revisions[2])
    }

    private static func following(_ revision: RevisionID, _ purpose: String) -> RevisionID {
        let digest = Insecure.MD5.hash(data: Array("\(purpose) \(revision)".utf8))
        return RevisionID(generation: revision.generation + 1, hash: RevisionHash(digest: digest))
    }
}
