package import CouchProtocol
package import JSON

/// What a sequence asks when it posts documents: which become what, and whose they are.
package struct DocumentPost: Sendable {
    /// What happens to a document that exists already.
    package enum Policy: String, Sendable, CaseIterable {
        /// The caller names the revision that it replaces; another one is a conflict.
        case none
        /// A new document each time: `_id` and `_rev` are dropped.
        case create
        /// The new content takes the place of the old.
        case override
        /// The new members go over the old ones, objects deeply; nothing is deleted unless a ``MergeRule`` says so.
        case merge
    }

    /// Whom the documents belong to.
    package enum Ownership: Sendable, Hashable {
        /// What each document's own tag members say; those that it does not have stay as they are.
        case asWritten
        /// These tags for all of them.
        case tags(Tags)
        /// This owner for all of them, and the groups that each one's own member says, or that it has.
        case owner(String?)
    }

    package var documents: [JSONObject]
    package var policy: Policy
    package var ownership: Ownership
    /// Whether a document whose content and tags are as they were is left alone.
    package var onlyIfChanged: Bool
    /// A place in the order of changes: documents that were changed behind it are left alone, because what is posted
    /// was found out before; nil posts over whatever is there.
    package var unlessChangedSince: Int?
    /// What the policy `merge` does otherwise than everywhere else.
    package var mergeRules: [MergeRule]

    package init(
        documents: [JSONObject],
        policy: Policy,
        ownership: Ownership,
        onlyIfChanged: Bool,
        unlessChangedSince: Int? = nil,
        mergeRules: [MergeRule] = []
    ) {
        self.documents = documents
        self.policy = policy
        self.ownership = ownership
        self.onlyIfChanged = onlyIfChanged
        self.unlessChangedSince = unlessChangedSince
        self.mergeRules = mergeRules
    }
}

/// What became of a posted document.
package enum PostOutcome: Sendable, Hashable {
    /// It was written.
    case written(id: DocumentID, RevisionID)
    /// It was left alone: it was as posted already, or somebody changed it after the place that the post names.
    case unchanged(id: DocumentID, RevisionID)
    /// It was refused, alone of its post.
    case refused(id: String?, CouchError)

    /// The outcome as a transaction answers it.
    package var json: JSONValue {
        switch self {
        case .written(let id, let revision):
            ["id": .string(id.text), "ok": true, "rev": .string(revision.description), "written": true]
        case .unchanged(let id, let revision):
            ["id": .string(id.text), "ok": true, "rev": .string(revision.description), "written": false]
        case .refused(let id, let error):
            [
                "id": id.map(JSONValue.string) ?? .null, "error": .string(error.error),
                "reason": .string(error.reason),
            ]
        }
    }
}
