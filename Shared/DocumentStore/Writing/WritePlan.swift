import CouchProtocol
import JSON

/// Decides what a batch of edits does to the documents that it touches, without touching them.
///
/// A pure value: it is given the documents as they are and the edits in order, and says what must be committed. Edits
/// of one batch see those before them.
struct WritePlan {
    /// A document that the batch changes.
    struct Change {
        var record: DocumentRecord
        let before: DocumentRecord
        var caller: Caller
        var traceID: String?
        /// The last of its endings, when it is deleted and was alive before the batch or within it.
        var ending: Ending?
    }

    /// A body that must be stored.
    struct NewBody {
        let id: DocumentID
        let revision: RevisionID
        let body: DocumentBody
        let attachments: [StoredAttachment]
    }

    /// A document as one user has it.
    struct Reader: Hashable {
        let user: ExactText
        let id: DocumentID

        init(user: String, id: DocumentID) {
            (self.user, self.id) = (ExactText(user), id)
        }
    }

    /// What a reader's devices know of a document besides what the reader may read of it.
    struct ReaderHistory {
        /// The revisions by which lost ones came back to the reader, whose histories name the stored ones.
        var comebacks: [RevisionPath] = []
        /// The revisions that the reader lost, which devices may push back before they hear of it.
        var lost: Set<RevisionID> = []
    }

    let rules: AccessRules
    let limits: WriteLimits
    private var records: [DocumentID: DocumentRecord]
    private(set) var changes: [DocumentID: Change] = [:]
    /// The changed documents in the order of their first change.
    private(set) var order: [DocumentID] = []
    private(set) var bodies: [NewBody] = []
    /// How often each document was to be changed.
    private var attempts: [DocumentID: Int] = [:]
    /// What the users who write have, or had, of documents that they see differently or not at all.
    private let histories: [Reader: ReaderHistory]

    /// A plan over these documents; one that is not among them does not exist.
    init(
        _ settings: DatabaseSettings,
        over records: [DocumentID: DocumentRecord],
        histories: [Reader: ReaderHistory] = [:],
        limits: WriteLimits = WriteLimits()
    ) {
        rules = AccessRules(settings)
        self.limits = limits
        self.records = records
        self.histories = histories
    }

    /// Plans that a document's history becomes this one, which is not empty: what is left of it after a purge.
    mutating func replace(_ tree: RevisionTree<Tags>, of id: DocumentID, by caller: Caller, traceID: String?) {
        let before = records[id] ?? DocumentRecord()
        let record = DocumentRecord(seq: before.seq, tree: tree)
        records[id] = record
        order.append(id)
        changes[id] = Change(record: record, before: before, caller: caller, traceID: traceID)
    }

    /// A plan of nothing yet over these documents alone.
    func restricted(to ids: Set<DocumentID>) -> WritePlan {
        WritePlan(
            rules.settings,
            over: records.filter { ids.contains($0.key) },
            histories: histories,
            limits: limits
        )
    }

    /// Plans one edit.
    ///
    /// - Parameter objection: Asked last, about what would be written otherwise: why it must not be.
    mutating func add(
        _ edit: DocumentEdit,
        by caller: Caller,
        traceID: String?,
        objection: ((Draft) -> CouchError?)? = nil
    ) -> EditOutcome {
        do {
            return .written(try apply(edit, by: caller, traceID: traceID, objection))
        } catch {
            return .refused(error)
        }
    }

    private mutating func apply(
        _ edit: DocumentEdit,
        by caller: Caller,
        traceID: String?,
        _ objection: ((Draft) -> CouchError?)?
    ) throws(CouchError)
        -> RevisionID
    {
        let before = records[edit.id] ?? DocumentRecord()
        var record = before
        try check(edit, by: caller)
        // What this house made up, and a device pushes back, is not new; and is not stored, either.
        if case .made(let path) = edit.revision, Revocation.isOurs(path) { return path.revision }
        let tree = before.tree
        let seen = rules.visible(tree, to: caller) ?? RevisionTree()
        if case .made(let path) = edit.revision, isKnown(path.revision, of: edit.id, tree, seen, to: caller) {
            // Whoever brings what is known already changes nothing, and is not refused for it.
            return path.revision
        }
        let (path, tags) = try revision(of: edit, over: record, seen, by: caller)
        try tags.check()
        guard path.start <= RevisionID.greatestWrittenGeneration else { throw .generationTooGreat }
        let attachments = try attachments(of: edit, at: path, over: before, seen)
        if let known = tree[path.revision], known.status != .missing || !seen.contains(path.revision) {
            // Also where it is on a branch that the caller does not see: the answer is as if that were not there.
            return path.revision
        }
        let joined = joined(path, tree, seen, caller)
        if caller.isRestricted, seen.leafCount >= limits.userBranches, joined.branches(off: seen) {
            throw .tooManyBranches(limit: limits.userBranches)
        }
        try record.tree.merge(
            joined,
            status: edit.isDeleted ? .deleted : .available,
            payload: tags,
            branchLimit: limits.branches
        )
        if let objection,
            let error = objection(draft(of: edit, path, tags, attachments, over: before, seen, for: caller))
        {
            throw error
        }
        // Only leaves have tags: what follows a leaf has taken them over. (A forged path may name leaves of other
        // branches as ancestors; those keep theirs.)
        for revision in joined.revisions where !record.tree.isLeaf(revision) {
            record.tree.setPayload(nil, of: revision)
        }
        record.tree.stem(to: rules.settings.revisionLimit)
        let historyLimit = limits.history * (record.tree.leafCount > tree.leafCount ? 1 : 2)
        guard record.tree.byteCount <= max(historyLimit, tree.byteCount) else {
            throw .historyTooLarge(limit: historyLimit)
        }
        record.attachments[path.revision] = attachments
        records[edit.id] = record
        bodies.append(
            NewBody(id: edit.id, revision: path.revision, body: edit.body, attachments: attachments)
        )
        note(edit.id, before, record, caller, traceID)
        return path.revision
    }

    /// Notes what an edit made of a document.
    private mutating func note(
        _ id: DocumentID,
        _ before: DocumentRecord,
        _ after: DocumentRecord,
        _ caller: Caller,
        _ traceID: String?
    ) {
        if changes[id] == nil { order.append(id) }
        var change = changes[id] ?? Change(record: after, before: before, caller: caller)
        (change.record, change.caller, change.traceID) = (after, caller, traceID)
        if !before.tree.isDeleted {
            change.ending = Ending(of: before.tree, by: after.tree)
        } else if change.ending != nil, !after.tree.isDeleted {
            change.ending = nil
        }
        changes[id] = change
    }

    /// Refuses what is never done, whatever the document is like.
    private mutating func check(_ edit: DocumentEdit, by caller: Caller) throws(CouchError) {
        guard !edit.id.isLocal else { throw .illegalDocumentID("A local document is not written with the others.") }
        if edit.id.isDesign, caller.feeds != nil { throw AccessRules.refused }
        guard edit.id.text.utf8.count <= limits.idLength || records[edit.id] != nil else {
            throw .illegalDocumentID("Document id is too long")
        }
        attempts[edit.id, default: 0] += 1
        let limit = caller.isRestricted ? limits.userEdits : limits.edits
        guard attempts[edit.id, default: 0] <= limit else { throw .tooManyEdits(limit: limit) }
    }

    /// Whether a revision that was made elsewhere is here, and its sender may know that it is.
    private func isKnown(
        _ revision: RevisionID,
        of id: DocumentID,
        _ tree: RevisionTree<Tags>,
        _ seen: RevisionTree<Tags>,
        to caller: Caller
    ) -> Bool {
        guard let known = tree[revision], known.status != .missing else { return false }
        if seen.contains(revision) { return true }
        guard case .user(let name, _) = caller else { return false }
        return histories[Reader(user: name, id: id)]?.lost.contains(revision) ?? false
    }

    /// What of a path is merged: for those who may read only some of the document's leaves, no more than what leads to
    /// the newest revision that they see.
    ///
    /// Beyond that a path could only join branches, and a leaf that another revision follows is a leaf no more: its
    /// readers would lose it, and whoever forged the path could read it.
    private func joined(
        _ path: RevisionPath,
        _ tree: RevisionTree<Tags>,
        _ seen: RevisionTree<Tags>,
        _ caller: Caller
    ) -> RevisionPath {
        guard caller.isRestricted, let place = path.revisions.firstIndex(where: tree.contains) else { return path }
        return path.prefix(seen.contains(path.revisions[place]) ? place + 1 : place)
    }

    /// The revision that an edit makes, with its ancestors and its tags.
    ///
    /// Rights come first: whoever may not write a document learns nothing from a conflict. And what the caller does not
    /// see (`seen` is what the caller does) decides nothing, except that the id is taken.
    private func revision(
        of edit: DocumentEdit,
        over record: DocumentRecord,
        _ seen: RevisionTree<Tags>,
        by caller: Caller
    ) throws(CouchError)
        -> (RevisionPath, Tags)
    {
        guard record.tree.isEmpty || !seen.isEmpty else { throw AccessRules.refused }
        switch edit.revision {
        case .next(let parent):
            guard let winner = seen.winner else {
                let tags = try rules.tagsOfNew(edit.tags, caller)
                guard parent == nil else { throw .conflict }
                return (try named(edit, tags, after: nil, over: record, seen), tags)
            }
            // A write without a revision brings a deleted document back: it follows the tombstone.
            let followed = (parent ?? (winner.isDeleted ? winner.id : nil)).map {
                path(to: $0, of: edit.id, for: caller)
            }
            // A tombstone belongs to whom the revision that it ends belongs to, whatever its body says.
            let tags = try rules.tagsOfNext(
                edit.isDeleted ? AskedTags() : edit.tags,
                after: Self.tags(at: followed?.stored, of: seen),
                caller
            )
            guard let followed, seen.isLeaf(followed.stored) else { throw .conflict }
            return (try named(edit, tags, after: followed, over: record, seen), tags)
        case .made(let path):
            return (path, try tags(of: edit, made: path, seen, by: caller))
        }
    }

    /// The tags of a revision that was made elsewhere.
    private func tags(
        of edit: DocumentEdit,
        made path: RevisionPath,
        _ seen: RevisionTree<Tags>,
        by caller: Caller
    ) throws(CouchError) -> Tags {
        let anchor = path.revisions.first(where: seen.contains)
        // Of those who may write any tags, a revision has those that it brings: where it has none, they were taken
        // away. But a tombstone belongs to whom the revision that it ends belongs to.
        guard !seen.isEmpty, caller.isRestricted || edit.isDeleted && anchor != nil else {
            return try rules.tagsOfNew(edit.tags, caller)
        }
        let current = Self.tags(at: anchor, of: seen)
        let asked = edit.isDeleted ? AskedTags() : edit.tags
        // Who goes on from the only leaf knows what it is like; else somebody has changed the document meanwhile.
        guard seen.leafCount == 1, let anchor, seen.isLeaf(anchor) else {
            return try rules.tagsOfOffline(asked, after: current, caller)
        }
        return try rules.tagsOfNext(asked, after: current, caller)
    }

    /// The revision that a caller names, with those that lead to it from a stored one.
    private func path(to revision: RevisionID, of id: DocumentID, for caller: Caller) -> RevisionPath {
        guard case .user(let name, _) = caller else { return RevisionPath(revision) }
        let comebacks = histories[Reader(user: name, id: id)]?.comebacks ?? []
        return comebacks.first { $0.revision == revision } ?? RevisionPath(revision)
    }

    /// What an edit is about to make, for those who may object.
    private func draft(
        of edit: DocumentEdit,
        _ path: RevisionPath,
        _ tags: Tags,
        _ attachments: [StoredAttachment],
        over record: DocumentRecord,
        _ seen: RevisionTree<Tags>,
        for caller: Caller
    ) -> Draft {
        var named: RevisionPath?
        var ancestors: [RevisionID] = []
        switch edit.revision {
        case .next(let parent):
            // As in CouchDB, a write without a revision replaces nothing, also where it brings back what is deleted.
            named = parent.map { self.path(to: $0, of: edit.id, for: caller) }
            ancestors = [named?.stored].compactMap(\.self)
        case .made:
            named = path
            // As with attachments, a forged history gives nothing away.
            ancestors = path.revisions.dropFirst().filter(seen.contains)
        }
        return Draft(
            edit: edit,
            named: named,
            tags: tags,
            attachments: attachments,
            ancestors: Array(ancestors.prefix(Draft.ancestorLimit)),
            tree: record.tree
        )
    }

    /// The tags that decide who may go on from that revision: those of the leaf that it is.
    ///
    /// Of one that is no leaf, or not known, those of a leaf that came from it, or of any leaf. So nobody gets at a
    /// branch of others by making a branch beside it.
    private static func tags(at revision: RevisionID?, of seen: RevisionTree<Tags>) -> Tags {
        let leaf = revision.flatMap { seen.leaves(from: $0).first } ?? seen.winner
        return leaf?.payload ?? .none
    }

    /// The revision that the store gives to an edit, behind the one that it follows.
    private func named(
        _ edit: DocumentEdit,
        _ tags: Tags,
        after parent: RevisionPath?,
        over record: DocumentRecord,
        _ seen: RevisionTree<Tags>
    ) throws(CouchError) -> RevisionPath {
        let kept = try attachments(of: edit, following: parent?.revisions ?? [], over: record, seen)
        let digest = RevisionDigest(
            isDeleted: edit.isDeleted,
            parent: parent?.revision,
            owner: tags.owner,
            groups: tags.groups,
            attachments: kept.map { ($0.name, $0.contentType, $0.content.digest) },
            body: edit.body.bytes
        )
        return parent?.appending(digest.revision.hash) ?? RevisionPath(digest.revision)
    }
}

extension RevisionPath {
    /// Whether the tree gets one more leaf by it.
    fileprivate func branches(off tree: RevisionTree<Tags>) -> Bool {
        guard let place = revisions.firstIndex(where: tree.contains) else { return !tree.isEmpty }
        return place > 0 && !tree.isLeaf(revisions[place])
    }
}
