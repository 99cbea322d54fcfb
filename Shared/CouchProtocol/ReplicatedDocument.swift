/// A revision on its way from one replica to another, with the names of its ancestors.
package struct ReplicatedDocument: Hashable, Sendable {
    package var id: DocumentID
    package var path: RevisionPath
    package var isDeleted: Bool
    /// The owner, if the document has one.
    package var owner: String?
    package var groups: [String]
    package var attachments: [ReplicatedAttachment]
    /// A JSON object of the members that are not special, as ``IncomingDocument/body`` has it.
    package var body: [UInt8]
    /// All leaves that the document had for its reader when the change was read; nil when nobody said.
    package var sourceLeaves: [RevisionID]?

    /// A revision with its ancestors.
    package init(
        id: DocumentID,
        path: RevisionPath,
        isDeleted: Bool = false,
        owner: String? = nil,
        groups: [String] = [],
        attachments: [ReplicatedAttachment] = [],
        body: [UInt8] = Array("{}".utf8)
    ) {
        self.id = id
        self.path = path
        self.isDeleted = isDeleted
        self.owner = owner
        self.groups = groups
        self.attachments = attachments
        self.body = body
    }

    /// About how many bytes it is.
    package var size: Int { attachments.reduce(body.count) { $0 + ($1.content?.count ?? 0) } }

    /// The revision that a replica sent as JSON; its id and revision must be there.
    package init(_ document: IncomingDocument) throws(CouchError) {
        guard let id = document.id else { throw .badRequest("A document without an id") }
        guard let path = document.revision else { throw .badRequest("A document without a revision") }
        var attachments: [ReplicatedAttachment] = []
        for attachment in document.attachments ?? [] { attachments.append(ReplicatedAttachment(attachment)) }
        self.init(
            id: id,
            path: path,
            isDeleted: document.isDeleted,
            owner: document.owner,
            groups: document.groups ?? [],
            attachments: attachments,
            body: document.body
        )
    }

    /// Appends the document as JSON, with its ancestry and with its attachments inline.
    package func write(to output: inout [UInt8], rules: DocumentRules = DocumentRules()) {
        OutgoingDocument(self).write(to: &output, rules: rules)
    }
}

extension OutgoingDocument {
    /// The document with its ancestry, and with the attachments inline whose contents are at hand.
    package init(_ document: ReplicatedDocument) {
        self.init(id: document.id, revision: document.path.revision, body: document.body)
        isDeleted = document.isDeleted
        owner = document.owner
        groups = document.groups
        revisions = document.path
        attachments = document.attachments.map(\.outgoing)
    }
}

/// An attachment of a revision on its way from one replica to another.
package struct ReplicatedAttachment: Hashable, Sendable {
    package var name: String
    package var contentType: String
    /// The generation of the revision in which the content came.
    package var revisionPosition: Int
    /// `md5-…` in Base64; empty when it is not known.
    package var digest: String
    package var length: Int
    /// The content; nil when it comes from ``source``, or the receiver has it already.
    package var content: [UInt8]?
    /// Where a receiver that has not got the content reads it; content of more than a few hundred kilobytes comes so.
    package var source: AttachmentSource?

    /// An attachment whose content is at hand.
    package init(name: String, contentType: String, revisionPosition: Int, content: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.revisionPosition = revisionPosition
        self.content = content
        digest = AttachmentDigest.of(content)
        length = content.count
    }

    /// An attachment whose content the receiver has already, or is given afterwards.
    package init(name: String, contentType: String, revisionPosition: Int, digest: String, length: Int) {
        self.name = name
        self.contentType = contentType
        self.revisionPosition = revisionPosition
        self.digest = digest
        self.length = length
    }

    init(_ attachment: IncomingAttachment) {
        name = attachment.name
        contentType = attachment.contentType
        revisionPosition = attachment.revisionPosition ?? 0
        digest = attachment.digest ?? ""
        length = attachment.length ?? 0
        if case .inline(let data) = attachment.content {
            content = data
            length = data.count
            digest = AttachmentDigest.of(data)
        }
    }

    /// Whether the receiver must have the content already.
    package var isStub: Bool { content == nil && source == nil }

    /// The attachment as a document describes it.
    package var outgoing: OutgoingAttachment {
        var outgoing = OutgoingAttachment(
            name: name,
            contentType: contentType,
            revisionPosition: revisionPosition,
            digest: digest,
            length: length
        )
        if let content { outgoing.content = .inline(content) }
        return outgoing
    }
}
