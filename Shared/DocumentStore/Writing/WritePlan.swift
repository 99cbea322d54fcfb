import CouchProtocol

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
        let user: String
        let id: DocumentID
    }

    /// How many branches a document may have: more would be a mistake of some client, and hurt everybody.
    static let branchLimit = 1_000

    let rules: AccessRules
    private var records: [DocumentID: DocumentRecord]
    private(set) var changes: [DocumentID: Change] = [:]
    /// The changed documents in the order of their first change.
    private(set) var order: [DocumentID] = []
    private(set) var bodies: [NewBody] = []
    /// The revisions by which lost ones came back to users, whose histories name the stored ones.
    private let comebacks: [Reader: [RevisionPath]]

    /// A plan over these documents; one that is not among them does not exist.
    init(
        _ settings: DatabaseSettings,
        over records: [DocumentID: DocumentRecord],
        comebacks: [Reader: [RevisionPath]] = [:]
    ) {
        rules = AccessRules(settings)
        self.records = records
        self.comebacks = comebacks
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
        WritePlan(rules.settings, over: records.filter { ids.contains($0.key) }, comebacks: comebacks)
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
        guard !edit.id.isLocal else { throw .illegalDocumentID("A local document is not written with the others.") }
        if edit.id.isDesign, caller.feeds != nil { throw AccessRules.refused }
        // What this house made up, and a device pushes back, is not new; and is not stored, either.
        if case .made(let path) = edit.revision, Revocation.isOurs(path) { return path.revision }
        if case .made(let path) = edit.revision, let known = before.tree[path.revision], known.status != .missing {
            // Whoever brings what is known already changes nothing, and is not refused for it.
            return path.revision
        }
        let (path, tags) = try revision(of: edit, over: record, by: caller)
        try tags.check()
        let attachments = try attachments(of: edit, at: path, over: before, for: caller)
        if let known = record.tree[path.revision], known.status != .missing { return path.revision }
        try record.tree.merge(
            path,
            status: edit.isDeleted ? .deleted : .available,
            payload: tags,
            branchLimit: Self.branchLimit
        )
        if let objection, let error = objection(draft(of: edit, path, tags, attachments, over: before, for: caller)) {
            throw error
        }
        // Only leaves have tags: what follows a leaf has taken them over. (A forged path may name leaves of other
        // branches as ancestors; those keep theirs.)
        for revision in path.revisions where !record.tree.isLeaf(revision) {
            record.tree.setPayload(nil, of: revision)
        }
        record.tree.stem(to: rules.settings.revisionLimit)
        record.attachments[path.revision] = attachments
        records[edit.id] = record
        bodies.append(
            NewBody(id: edit.id, revision: path.revision, body: edit.body, attachments: attachments)
        )
        if changes[edit.id] == nil {
            order.append(edit.id)
            changes[edit.id] = Change(record: record, before: before, caller: caller, traceID: traceID)
        } else {
            changes[edit.id]?.record = record
            changes[edit.id]?.caller = caller
            changes[edit.id]?.traceID = traceID
        }
        return path.revision
    }

    /// The revision that an edit makes, with its ancestors and its tags.
    ///
    /// Rights come first: whoever may not write a document learns nothing from a conflict.
    private func revision(
        of edit: DocumentEdit,
        over record: DocumentRecord,
        by caller: Caller
    ) throws(CouchError)
        -> (RevisionPath, Tags)
    {
        let tree = record.tree
        // A tombstone belongs to whom the revision that it ends belongs to, whatever its body says.
        let asked = edit.isDeleted ? AskedTags() : edit.tags
        switch edit.revision {
        case .next(let parent):
            guard let winner = tree.winner else {
                let tags = try rules.tagsOfNew(edit.tags, caller)
                guard parent == nil else { throw .conflict }
                return (try named(edit, tags, after: nil, over: record, for: caller), tags)
            }
            // A write without a revision brings a deleted document back: it follows the tombstone.
            let followed = (parent ?? (winner.isDeleted ? winner.id : nil)).map {
                path(to: $0, of: edit.id, for: caller)
            }
            let tags = try rules.tagsOfNext(
                asked,
                after: self.tags(at: followed?.stored, of: tree, for: caller),
                caller
            )
            guard let followed, tree.isLeaf(followed.stored) else { throw .conflict }
            return (try named(edit, tags, after: followed, over: record, for: caller), tags)
        case .made(let path):
            guard !tree.isEmpty else { return (path, try rules.tagsOfNew(edit.tags, caller)) }
            let anchor = path.revisions.first { tree.contains($0) }
            return (path, try rules.tagsOfNext(asked, after: tags(at: anchor, of: tree, for: caller), caller))
        }
    }

    /// The revision that a caller names, with those that lead to it from a stored one.
    private func path(to revision: RevisionID, of id: DocumentID, for caller: Caller) -> RevisionPath {
        guard case .user(let name, _) = caller else { return RevisionPath(revision) }
        let comebacks = comebacks[Reader(user: name, id: id)] ?? []
        return comebacks.first { $0.revision == revision } ?? RevisionPath(revision)
    }

    /// What an edit is about to make, for those who may object.
    private func draft(
        of edit: DocumentEdit,
        _ path: RevisionPath,
        _ tags: Tags,
        _ attachments: [StoredAttachment],
        over record: DocumentRecord,
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
            ancestors = path.revisions.dropFirst().filter { ancestor in
                record.tree.contains(ancestor)
                    && record.tree.leaves(from: ancestor).contains { rules.mayRead($0.payload ?? .none, caller) }
            }
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
    /// Of one that is no leaf, or not known, those of a leaf that came from it, or of any leaf: the first that the
    /// caller may read. So nobody gets at a branch of others by making a branch beside it.
    private func tags(at revision: RevisionID?, of tree: RevisionTree<Tags>, for caller: Caller) -> Tags {
        if let revision, tree.isLeaf(revision) { return tree[revision]?.payload ?? .none }
        let descendants = revision.map { tree.leaves(from: $0) } ?? []
        let candidates = (descendants.isEmpty ? tree.leaves : descendants).map { $0.payload ?? .none }
        return candidates.first { rules.mayRead($0, caller) } ?? candidates.first ?? .none
    }

    /// The revision that the store gives to an edit, behind the one that it follows.
    private func named(
        _ edit: DocumentEdit,
        _ tags: Tags,
        after parent: RevisionPath?,
        over record: DocumentRecord,
        for caller: Caller
    ) throws(CouchError) -> RevisionPath {
        let kept = try attachments(of: edit, following: parent?.revisions ?? [], over: record, for: caller)
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
