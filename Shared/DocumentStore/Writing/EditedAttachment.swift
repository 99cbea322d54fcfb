import CouchProtocol
import Postgres

/// An attachment of the revision that an edit makes.
package enum EditedAttachment: Sendable, Hashable {
    /// The one of that name in the revision before, if it is the one that came at that generation or has that digest.
    case stub(name: String, revisionPosition: Int?, digest: String? = nil)
    /// One that came with the edit.
    case new(NewAttachment)
    /// One of a revision that the caller has read.
    case kept(StoredAttachment)

    /// The attachment's name.
    package var name: String {
        switch self {
        case .stub(let name, _, _): name
        case .new(let attachment): attachment.name
        case .kept(let attachment): attachment.name
        }
    }
}

/// An attachment whose content the store has taken in.
package struct NewAttachment: Sendable, Hashable {
    package var name: String
    package var contentType: String
    package var content: StoredContent
    /// How the content is compressed (`gzip`); nil when it is not.
    package var encoding: String?
    /// How many bytes the content has unpacked; nil for one that is not compressed.
    package var length: Int?
    /// The generation in which it came, of a revision that was made elsewhere.
    package var revisionPosition: Int?

    package init(
        name: String,
        contentType: String,
        content: StoredContent,
        encoding: String? = nil,
        length: Int? = nil,
        revisionPosition: Int? = nil
    ) {
        self.name = name
        self.contentType = contentType
        self.content = content
        self.encoding = encoding
        self.length = length
        self.revisionPosition = revisionPosition
    }

    /// The attachment in the revision of that generation.
    ///
    /// - Parameter isMade: Whether the revision was made elsewhere, and brings its attachments' generations along.
    func stored(generation: Int, isMade: Bool) -> StoredAttachment {
        let given = isMade ? revisionPosition.flatMap { 1...generation ~= $0 ? $0 : nil } : nil
        return StoredAttachment(
            name: name,
            contentType: contentType,
            revisionPosition: given ?? generation,
            content: content,
            encoding: encoding,
            length: encoding == nil ? content.length : length ?? content.length
        )
    }
}

// MARK: - Planning

extension WritePlan {
    /// The attachments of the revision at the end of that path.
    func attachments(
        of edit: DocumentEdit,
        at path: RevisionPath,
        over record: DocumentRecord,
        _ seen: RevisionTree<Tags>
    ) throws(CouchError) -> [StoredAttachment] {
        try attachments(of: edit, following: Array(path.revisions.dropFirst()), over: record, seen)
    }

    /// The attachments of the revision that an edit makes behind these ancestors, newest first.
    ///
    /// A stub stands for the attachment of that name in the newest ancestor that is kept, as in CouchDB
    /// (`couch_att:merge_stubs/2`), and only of one that the caller may read: a forged history gives nothing away.
    /// Other than in CouchDB, one with the same digest is the same whenever it came.
    func attachments(
        of edit: DocumentEdit,
        following ancestors: [RevisionID],
        over record: DocumentRecord,
        _ seen: RevisionTree<Tags>
    ) throws(CouchError) -> [StoredAttachment] {
        guard !edit.attachments.isEmpty else { return [] }
        var isMade = false
        if case .made = edit.revision { isMade = true }
        let before = ancestors.first { record.attachments[$0] != nil && seen.contains($0) }
        let generation = edit.generation(after: ancestors.first)
        var names: Set<[UInt8]> = []
        var result: [StoredAttachment] = []
        for attachment in edit.attachments {
            guard names.insert(Array(attachment.name.utf8)).inserted else { throw .badRequest("Duplicate attachments") }
            switch attachment {
            case .kept(let kept): result.append(kept)
            case .new(let new): result.append(new.stored(generation: generation, isMade: isMade))
            case .stub(let name, let position, let digest):
                let known = before.flatMap { record.attachments[$0] } ?? []
                let original = known.first { $0.name.utf8.elementsEqual(name.utf8) }
                guard let original,
                    position == nil || position == original.revisionPosition || digest == original.content.digest
                else {
                    throw .missingStub("Invalid attachment stub in \(edit.id.text) for \(name)")
                }
                result.append(original)
            }
        }
        return result
    }
}

extension DocumentEdit {
    /// The generation of the revision that the edit makes behind that one.
    fileprivate func generation(after parent: RevisionID?) -> Int {
        switch revision {
        case .made(let path): path.start
        case .next: (parent?.generation ?? 0) + 1
        }
    }

    /// Whether an attachment of the edit is one of a revision before.
    fileprivate var hasStubs: Bool {
        attachments.contains { if case .stub = $0 { true } else { false } }
    }
}

extension DocumentStore {
    /// Adds the attachments of the kept revisions of those documents whose edits refer to some.
    func addAttachments(
        to records: inout [DocumentID: DocumentRecord],
        for edits: [DocumentEdit],
        in database: Database
    ) async throws {
        let ids = Set(edits.filter(\.hasStubs).map(\.id)).filter { records[$0] != nil }
        guard !ids.isEmpty else { return }
        let rows = try await client.query(
            """
            SELECT asked.id, bodies.rev, bodies.attachments
            FROM unnest(\(ids.map(\.text))) AS asked (id)
            CROSS JOIN \(fragment: Self.documentsAsked(in: database))
            CROSS JOIN LATERAL (
                SELECT rev, attachments FROM bodies WHERE bodies.document = documents.number LIMIT 100000
            ) AS bodies
            """
        )
        for row in rows {
            let (id, revision) = try row.decode(String.self, String.self)
            records[DocumentID(stored: id)]?.attachments[try RevisionID(parsing: revision)] =
                try StoredAttachment.decode(try row.bytes(2))
        }
    }
}
