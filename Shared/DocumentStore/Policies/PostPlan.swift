import CouchProtocol
import JSON

/// Decides which edits a post comes to, over the documents as they are; pure.
struct PostPlan {
    /// What becomes of the document at each place of the post.
    private enum Fate {
        case edit(Int)
        case unchanged(id: DocumentID, RevisionID)
        case refused(id: String?, CouchError)
    }

    private(set) var edits: [DocumentEdit] = []
    private var ids: [DocumentID] = []
    private var fates: [Fate] = []
    private var editOfID: [DocumentID: Int] = [:]
    private var contents: [DocumentID: JSONObject] = [:]

    private let settings: DatabaseSettings
    private let post: DocumentPost
    private let attachments: PostedAttachments
    private let current: [DocumentID: StoredRevision]

    /// - Parameter current: The winners of the documents that the post names, where they exist.
    init(
        _ post: DocumentPost,
        _ attachments: PostedAttachments = PostedAttachments(),
        over current: [DocumentID: StoredRevision],
        _ settings: DatabaseSettings,
        makeID: () -> DocumentID
    ) {
        self.post = post
        self.attachments = attachments
        self.current = current
        self.settings = settings
        for (place, document) in post.documents.enumerated() {
            do throws(CouchError) {
                fates.append(try fate(of: document, at: place, makeID: makeID))
            } catch {
                fates.append(.refused(id: document["_id"]?.stringValue, error))
            }
        }
    }

    /// The ids of the documents that a post names, whose winners the plan must know.
    static func ids(of post: DocumentPost) -> [DocumentID] {
        guard post.policy != .create else { return [] }
        let readsAll = post.policy != .none || post.onlyIfChanged || post.unlessChangedSince != nil
        // Otherwise the attachments are wanted alone, of what is changed.
        let named = post.documents.filter { readsAll || $0["_rev"] != nil && $0["_deleted"] != true }
        return Array(Set(named.compactMap { try? id(of: $0) }))
    }

    /// The documents that are refused as they are, whatever becomes of the edits.
    var refusals: [PostOutcome] {
        fates.compactMap { fate in
            guard case .refused(let id, let error) = fate else { return nil }
            return .refused(id: id, error)
        }
    }

    /// What became of the documents, given what became of the edits.
    func outcomes(_ results: [EditOutcome]) -> [PostOutcome] {
        fates.map { fate in
            switch fate {
            case .unchanged(let id, let revision): return .unchanged(id: id, revision)
            case .refused(let id, let error): return .refused(id: id, error)
            case .edit(let index):
                switch results[index] {
                case .written(let revision): return .written(id: ids[index], revision)
                case .refused(let error): return .refused(id: ids[index].text, error)
                }
            }
        }
    }

    private mutating func fate(
        of document: JSONObject,
        at place: Int,
        makeID: () -> DocumentID
    ) throws(CouchError) -> Fate {
        let id = post.policy == .create ? makeID() : try Self.id(of: document) ?? makeID()
        let isDeleted = document["_deleted"] == true
        if let place = post.unlessChangedSince, let present = current[id], present.seq > place {
            return .unchanged(id: id, present.revision)
        }
        let existing = current[id].flatMap { $0.isDeleted ? nil : $0 }
        let content = try content(of: document, id: id, existing: existing)
        let tags = try tags(of: document, id: id)
        let said = try attachments.attachments(at: place)
        if post.onlyIfChanged, editOfID[id] == nil, let existing, !isDeleted, existing.tags == tags.over(existing.tags),
            Self.members(of: existing) == content, said?.leave(existing.attachments) ?? true
        {
            contents[id] = content
            return .unchanged(id: id, existing.revision)
        }
        contents[id] = content
        var edit = DocumentEdit(
            id: id,
            revision: .next(after: try parent(of: document, existing: current[id])),
            isDeleted: isDeleted,
            body: Self.body(content),
            tags: tags
        )
        if !isDeleted { edit.attachments = said ?? keptAttachments(of: id, behind: edit.revision) }
        // The same id twice in one post is one edit: the later one counts.
        if post.policy != .none, let index = editOfID[id] {
            edits[index] = edit
            return .edit(index)
        }
        edits.append(edit)
        ids.append(id)
        editOfID[id] = edits.count - 1
        return .edit(edits.count - 1)
    }

    private static func id(of document: JSONObject) throws(CouchError) -> DocumentID? {
        guard let value = document["_id"] else { return nil }
        guard let text = value.stringValue else { throw .illegalDocumentID("Document id must be a string") }
        return try DocumentID(text)
    }

    /// What stays of the attachments when a document says nothing about them.
    private func keptAttachments(of id: DocumentID, behind revision: DocumentEdit.Revision) -> [EditedAttachment] {
        // Of the same id twice in one post the later one follows the earlier.
        if post.policy != .none, let index = editOfID[id] { return edits[index].attachments }
        guard let present = current[id], !present.isDeleted, revision == .next(after: present.revision) else {
            return []
        }
        return present.attachments.map { .kept($0) }
    }

    /// Those that count, and those that the store makes and that mean nothing when they come back.
    private static let specialMembers: Set<String> = [
        "_id", "_rev", "_deleted", "_attachments", "_conflicts", "_deleted_conflicts", "_local_seq", "_revs_info",
    ]

    /// The members of the document that are the application's own, with those of the present one under them when the
    /// policy merges.
    private func content(
        of document: JSONObject,
        id: DocumentID,
        existing: StoredRevision?
    ) throws(CouchError)
        -> JSONObject
    {
        var members = JSONObject()
        let tags: Set<ExactText> = [ExactText(settings.ownerMember), ExactText(settings.groupsMember)]
        for (name, value) in document where !tags.contains(ExactText(name)) {
            guard name.utf8.first == UInt8(ascii: "_") else {
                members[name] = value
                continue
            }
            guard Self.specialMembers.contains(name) else {
                throw .documentValidation("Bad special document member: \(name)")
            }
        }
        guard post.policy == .merge else { return members }
        let under = contents[id] ?? existing.map(Self.members) ?? [:]
        return post.mergeRules.reduce(under.mergingDeeply(members)) { merged, rule in
            rule.apply(to: merged, old: under, new: members)
        }
    }

    /// The tags that are asked for; of what they do not mention the revision that is followed has the rest, a deletion,
    /// too.
    private func tags(of document: JSONObject, id: DocumentID) throws(CouchError) -> AskedTags {
        // Of the same id twice in one post the later one follows the earlier.
        let earlier = post.policy == .none ? nil : editOfID[id].map { edits[$0].tags }
        switch post.ownership {
        case .tags(let tags): return AskedTags(tags)
        case .owner(let owner):
            return AskedTags(owner: .named(owner), groups: try groups(of: document) ?? earlier?.groups)
        case .asWritten:
            let owner = document[settings.ownerMember]
            guard owner?.isNull ?? true || owner?.stringValue != nil else {
                throw .documentValidation("'\(settings.ownerMember)' must be a string")
            }
            return AskedTags(
                owner: owner.map { .named($0.stringValue) } ?? earlier?.owner ?? .unmentioned,
                groups: try groups(of: document) ?? earlier?.groups
            )
        }
    }

    private func groups(of document: JSONObject) throws(CouchError) -> [String]? {
        guard let value = document[settings.groupsMember], !value.isNull else { return nil }
        let names = value.arrayValue?.map(\.stringValue) ?? [nil]
        guard !names.contains(nil) else {
            throw .documentValidation("'\(settings.groupsMember)' must be an array of strings")
        }
        return names.compactMap(\.self)
    }

    private func parent(of document: JSONObject, existing: StoredRevision?) throws(CouchError) -> RevisionID? {
        switch post.policy {
        case .create: return nil
        case .override, .merge: return existing?.revision
        case .none:
            guard let text = document["_rev"]?.stringValue else { return nil }
            return try RevisionID(parsing: text)
        }
    }

    private static func members(of revision: StoredRevision) -> JSONObject {
        (try? JSONValue(parsing: revision.body, limits: .unlimited))?.objectValue ?? [:]
    }

    private static func body(_ members: JSONObject) -> DocumentBody {
        let bytes = JSONValue.object(members).bytes
        let scan = try? JSONScan(bytes, limits: .unlimited)
        return DocumentBody(bytes: bytes, isFaithfulInJSONB: scan?.isFaithfulInJSONB ?? false)
    }
}

extension JSONObject {
    /// This object with the members of another one on top; where both have an object, those are merged likewise.
    func mergingDeeply(_ other: JSONObject) -> JSONObject {
        var merged = self
        for (name, value) in other {
            if case .object(let under) = merged[name], case .object(let over) = value {
                merged[name] = .object(under.mergingDeeply(over))
            } else {
                merged[name] = value
            }
        }
        return merged
    }
}

extension [EditedAttachment] {
    /// Whether a revision with these has the same attachments as one with those.
    fileprivate func leave(_ stored: [StoredAttachment]) -> Bool {
        count == stored.count && allSatisfy { edited in stored.contains { edited.leaves($0) } }
    }
}
