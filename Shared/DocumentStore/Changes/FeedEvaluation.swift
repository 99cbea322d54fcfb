import CouchProtocol

/// Decides what a row of a feed is to its reader; pure.
struct FeedEvaluation: Sendable {
    let rules: AccessRules
    let caller: Caller
    let walk: FeedPosition.Walk
    let history: MembershipHistory
    /// What the readers of the reader's feeds lost, by document.
    let losses: [Int64: [FeedLoss]]
    let allLeaves: Bool

    /// The change that the row is; nil when it is none that the reader may know of.
    func change(of row: FeedRow, at position: FeedPosition) throws -> StoredChange? {
        guard let content = row.content else { return nil }
        guard let bytes = content.tree else {
            return StoredChange(
                position: position,
                id: content.id,
                revisions: [content.winner],
                isDeleted: content.isDeleted
            )
        }
        let own = try Loss.all(row.ownLosses)
        let tree = try RevisionTree<Tags>(decoding: bytes)
        let view = rules.view(tree, for: caller, losses: own)
        let leaves = view?.leaves ?? []
        var revisions = leaves.map(\.id)
        var told = tombstones(losses[row.document] ?? [], view, own)
        // The place of a loss says nothing to those who lost nothing by it: the document has its own place in the feed.
        guard row.isPresent || !told.isEmpty else { return nil }
        // A reader who can read nothing of it any more may hold what came back before.
        if view == nil, !told.isEmpty { told += tree.closings(of: own).map(\.revision) }
        for tombstone in told where !revisions.contains(tombstone) { revisions.append(tombstone) }
        guard let winner = revisions.first else { return nil }
        return StoredChange(
            position: position,
            id: content.id,
            revisions: allLeaves ? revisions : [winner],
            isDeleted: leaves.first?.isDeleted ?? true
        )
    }

    /// The tombstones that tell the reader of losses.
    private func tombstones(_ losses: [FeedLoss], _ view: RevisionTree<Tags>?, _ own: [Loss]) -> [RevisionID] {
        losses.filter(concerns).flatMap { lost in
            lost.loss.leaves.compactMap { leaf in
                guard !isReadable(leaf.revision, in: view) else { return nil }
                // What was lost with a group was noted as the reader had it; what a change took is noted as it is
                // stored.
                let shown = if case .revoked = lost.feed { leaf } else { own.shown(leaf) }
                return shown.tombstone.revision
            }
        }
    }

    /// Whether the reader can have what was lost, and cannot know yet that it is.
    private func concerns(_ lost: FeedLoss) -> Bool {
        let seq = lost.loss.seq
        guard seq > walk.base else { return false }
        // What left a group while the reader was not in it was not the reader's.
        if case .group(let name) = lost.feed, !history.isMember(of: name, at: seq) { return false }
        // On the way anything can have been read. What was lost before can be held only by a reader who had something
        // at the start.
        return seq > walk.end || walk.base > 0
    }

    /// Whether the revision, or one that came from it, is the reader's (again).
    private func isReadable(_ revision: RevisionID, in view: RevisionTree<Tags>?) -> Bool {
        view?.leaves(from: revision).contains { $0.payload != nil } ?? false
    }
}
