package import CouchProtocol
import JSON

/// Which tombstone a deletion was, where it is not the one that is shown.
///
/// The greatest of all tombstones is shown, and may have ended another branch long before.
package struct Ending: Sendable, Hashable {
    /// The tombstone of the branch that was the document until then.
    package let revision: RevisionID
    /// Its tags, which are those of what it ended.
    package let tags: Tags

    /// What the change log keeps: `{"rev": "3-a", "owner": "ann", "groups": ["g"]}`.
    var column: [UInt8] {
        let value: JSONValue = [
            "rev": .string(revision.description), "owner": tags.owner.map(JSONValue.string) ?? .null,
            "groups": .array(tags.groups.map(JSONValue.string)),
        ]
        return value.bytes
    }
}

extension Ending {
    /// Reads what the change log keeps.
    init(column text: String) throws {
        let value = try JSONValue(parsing: text)
        revision = try RevisionID(parsing: value["rev"]?.stringValue ?? "")
        tags = Tags(
            owner: value["owner"]?.stringValue,
            groups: value["groups"]?.arrayValue?.compactMap(\.stringValue) ?? []
        )
    }

    /// The ending of a document by one edit; nil where it was not alive before it, or is after it.
    init?(of before: RevisionTree<Tags>, by after: RevisionTree<Tags>) {
        guard after.isDeleted, let last = before.winner, !last.isDeleted,
            let tombstone = after.leaves(from: last.id).first
        else { return nil }
        self.init(revision: tombstone.id, tags: tombstone.payload ?? .none)
    }
}
