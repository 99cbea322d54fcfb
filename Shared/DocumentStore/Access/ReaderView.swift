import CouchProtocol

// A document's history as one reader sees it.
//
// A user who left a group and came back has devices that hold a tombstone behind the revision that was lost (see
// `Revocation`). To that user the revision is shown with the tombstone behind it, and with the revision by which it
// comes back; to nobody else. `losses` are those that the user's own feed of losses has for the document.
extension AccessRules {
    /// The history as the caller sees it: the leaves that the caller may read, what led to them, and how what was lost
    /// came back.
    ///
    /// - Returns: Nil when the caller may read no leaf, as if there were no such document.
    func view(_ tree: RevisionTree<Tags>, for caller: Caller, losses: [Loss]) -> RevisionTree<Tags>? {
        guard let readable = visible(tree, to: caller) else { return nil }
        var view = readable
        for lost in losses.unanswered where tree.isLeaf(lost.stored) {
            view.graft(lost.tombstone, .deleted, nil)
            guard let node = readable[lost.stored], !node.isDeleted else { continue }
            view.graft(lost.comeback, .available, node.payload)
        }
        for closing in tree.closings(of: losses) { view.graft(closing, .deleted, nil) }
        return view
    }
}

extension RevisionTree<Tags> {
    /// The ends of the branches on which lost revisions came back to a reader, where something else has followed the
    /// stored revision since: those branches go on for nobody.
    func closings(of losses: [Loss]) -> [RevisionPath] {
        losses.unanswered.filter { !contains($0.comeback.revision) && !isLeaf($0.stored) }.map(\.comeback.tombstone)
    }
}

extension [Loss] {
    /// The lost leaves, without those whose comeback was lost again.
    var unanswered: [RevisionPath] {
        let paths = flatMap(\.leaves)
        let lost = Set(paths.map(\.revision))
        var seen: Set<RevisionID> = []
        return paths.filter { !lost.contains($0.comeback.revision) && seen.insert($0.revision).inserted }
    }

    /// A stored leaf in the form in which the reader with these losses has it.
    func shown(_ leaf: RevisionPath) -> RevisionPath {
        unanswered.first { $0.stored == leaf.revision }?.comeback ?? leaf
    }
}

extension RevisionPath {
    /// The tombstone by which this revision is taken from a reader, behind it.
    var tombstone: RevisionPath { appending(Revocation.tombstone(of: revision).hash) }

    /// The revision by which this one comes back after it was taken from a reader.
    var comeback: RevisionPath {
        let tombstone = tombstone
        return tombstone.appending(Revocation.comeback(after: tombstone.revision).hash)
    }

    /// The revision that the store has for this one: itself, unless it is a comeback.
    var stored: RevisionID {
        var place = 0
        let revisions = revisions
        while place + 2 < revisions.count, revisions[place] == Revocation.comeback(after: revisions[place + 1]),
            revisions[place + 1] == Revocation.tombstone(of: revisions[place + 2])
        {
            place += 2
        }
        return revisions[place]
    }
}

extension RevisionTree<Tags> {
    /// Adds a revision that this house makes up, whatever the number of branches.
    fileprivate mutating func graft(_ path: RevisionPath, _ status: Status, _ payload: Tags?) {
        do {
            try merge(path, status: status, payload: payload)
        } catch {
            preconditionFailure("a merge without a limit refused a branch")
        }
    }
}
