package import JSON
package import Sequences

/// A database that a project declares, with its design documents.
package struct DatabaseDefinition: Sendable {
    /// What callers without credentials may do.
    package enum Anonymous: String, Sendable, Hashable, CaseIterable {
        case deny
        /// Read untagged documents.
        case read
    }

    /// Whether users may change untagged documents.
    package enum PublicWrites: String, Sendable, Hashable, CaseIterable {
        case deny
        case allow
    }

    package let name: String
    package var description: String?
    package var anonymous: Anonymous
    package var publicWrites: PublicWrites
    /// The member of a document's JSON that says its owner.
    package var ownerMember: String
    /// The member of a document's JSON that says its groups.
    package var groupsMember: String
    /// How many revisions of a branch are remembered.
    package var revisionLimit: Int
    /// The design documents by name, each as the JSON that CouchDB knows, without `_rev`; among them those of the Mango
    /// indexes.
    package var designDocuments: [String: JSONObject]
    /// The JavaScript of the design documents, with the files that it stands in.
    package var scripts: [ProjectScript] = []
    package var position: SourcePosition

    package static let defaultOwnerMember = "~owner"
    package static let defaultGroupsMember = "~groups"
    package static let defaultRevisionLimit = 20

    /// Whether a design document has the view.
    package func hasView(_ view: String, inDesign design: String) -> Bool {
        guard view != "lib", let document = designDocuments[design], document["language"] == "javascript" else {
            return false
        }
        return document["views"]?[view]?["map"] != nil
    }
}
