package import JSON

/// What a database demands of the documents that clients send, and how it names their tags.
package struct DocumentRules: Sendable {
    /// How many revisions back a database's documents may remember their history.
    package static let revisionLimits = 1...10_000

    /// The member that says whom a document belongs to.
    package var ownerMember = "~owner"
    /// The member that says which groups a document belongs to.
    package var groupsMember = "~groups"

    /// How the tags are called.
    package var tagNames: TagNames {
        get { TagNames(owner: ownerMember, groups: groupsMember) }
        set { (ownerMember, groupsMember) = (newValue.owner, newValue.groups) }
    }

    /// How many bytes a document's body may have, as CouchDB's `max_document_size`.
    package var bodyLimit = 8_000_000
    /// How many values a document may have, those within others counted; less than any reader of JSON takes, because
    /// the members of the server's own come on top.
    package var valueLimit = 1_000_000
    /// How many bytes an id may have.
    package var idLengthLimit = 512
    /// How many groups a document may name.
    package var groupLimit = 1_000
    /// How many bytes the name of an owner or of a group may have.
    package var tagLengthLimit = 255
    /// How many revisions of an ancestry are read; older ones are left out.
    package var ancestryLimit = 1_000
    /// How many attachments a document may have.
    package var attachmentLimit = 1_000
    /// How many bytes an attachment may have, as CouchDB's `max_attachment_size`.
    package var attachmentSizeLimit = 1 << 30
    /// How many bytes the attachments that come with one document may have together.
    package var attachmentTotalLimit = 4 << 30
    /// How many bytes the name of an attachment may have.
    package var attachmentNameLimit = 1_024
    /// How many bytes the headers of one part of a multipart body may have.
    package var partHeaderLimit = 16 << 10
    /// How deep the JSON may be nested, and how long its numbers may be.
    package var json = JSONLimits()

    /// The rules of a database whose settings say nothing.
    package init() {}
}

/// How a database calls the tags of its documents.
package struct TagNames: Hashable, Sendable {
    /// The member that says whom a document belongs to.
    package let owner: String
    /// The member that says which groups a document belongs to.
    package let groups: String

    /// Names for the tags; without any those of a database whose settings say nothing.
    package init(owner: String = "~owner", groups: String = "~groups") {
        self.owner = owner
        self.groups = groups
    }
}
