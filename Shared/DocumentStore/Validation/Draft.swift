import CouchProtocol
import JSON

extension WritePlan {
    /// A revision that an edit is about to make, for those who may object to it.
    struct Draft: Sendable {
        let edit: DocumentEdit
        /// The revision that the writer names, with its ancestors; nil for a new document.
        ///
        /// It is the one that is made where that was made elsewhere, else the one that it follows.
        let named: RevisionPath?
        let tags: Tags
        let attachments: [StoredAttachment]
        /// The stored revisions that it comes from, newest first.
        ///
        /// The newest of which a body is kept is the document that it replaces.
        let ancestors: [RevisionID]
        /// The document's history before the edit.
        let tree: RevisionTree<Tags>

        /// Whether the revision was made elsewhere.
        var isReplicated: Bool { if case .made = edit.revision { true } else { false } }

        /// How far back a document that is replaced is looked for.
        static let ancestorLimit = 20
    }
}

extension WritePlan.Draft {
    /// The document as it is to be, as `validate_doc_update` gets it.
    ///
    /// As in CouchDB, `_rev` is what the writer sent.
    func text(_ database: Database) -> [UInt8] {
        Self.text(edit.id, named, isDeleted: edit.isDeleted, tags, attachments, edit.body.bytes, database.settings)
    }

    /// The document that the edit replaces.
    func previous(
        _ revision: RevisionID,
        _ body: [UInt8],
        _ attachments: [StoredAttachment],
        _ database: Database
    ) -> [UInt8] {
        let node = tree[revision]
        return Self.text(
            edit.id,
            tree.path(to: revision) ?? RevisionPath(revision),
            isDeleted: node?.isDeleted ?? false,
            node?.payload ?? .none,
            attachments,
            body,
            database.settings
        )
    }

    private static func text(
        _ id: DocumentID,
        _ path: RevisionPath?,
        isDeleted: Bool,
        _ tags: Tags,
        _ attachments: [StoredAttachment],
        _ body: [UInt8],
        _ settings: DatabaseSettings
    ) -> [UInt8] {
        var members: JSONObject = ["_id": .string(id.text)]
        if let path { members["_rev"] = .string(path.revision.description) }
        members["_revisions"] = path?.json ?? ["start": 0, "ids": []]
        if isDeleted { members["_deleted"] = true }
        if let owner = tags.owner { members[settings.ownerMember] = .string(owner) }
        if !tags.groups.isEmpty { members[settings.groupsMember] = .array(tags.groups.map(JSONValue.string)) }
        if !attachments.isEmpty {
            members["_attachments"] = .object(JSONObject(attachments.map { ($0.name, $0.stub) }))
        }
        var text = JSONValue.object(members).bytes
        guard body.count > 2 else { return text }
        text.removeLast()
        text.append(UInt8(ascii: ","))
        text.append(contentsOf: body.dropFirst())
        return text
    }
}

extension StoredAttachment {
    fileprivate var stub: JSONValue {
        [
            "content_type": .string(contentType), "revpos": .number(JSONNumber(revisionPosition)),
            "digest": .string(content.digest), "length": .number(JSONNumber(length)), "stub": true,
        ]
    }
}
