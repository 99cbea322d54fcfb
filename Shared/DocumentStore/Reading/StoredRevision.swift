package import CouchProtocol
import Postgres

/// One revision of a document as the store gives it out, its body as bytes that nobody has decoded.
package struct StoredRevision: Sendable {
    package let id: DocumentID
    package let revision: RevisionID
    package let isDeleted: Bool
    package let tags: Tags
    /// The text of a JSON object, without the members that are CouchDB's or the store's.
    package let body: [UInt8]
    /// The document's history; nil where it was not asked for.
    package let tree: RevisionTree<Tags>?
    /// The number of the document's last change.
    package let seq: Int
}

/// What a reader asks of a document.
package struct RevisionRequest: Sendable, Hashable {
    package let id: DocumentID
    /// Nil for the winner.
    package let revision: RevisionID?

    package init(id: DocumentID, revision: RevisionID? = nil) {
        self.id = id
        self.revision = revision
    }
}

extension DocumentStore {
    /// The columns that ``revision(_:at:)`` reads, of `documents` and `bodies`.
    static let revisionColumns = """
        documents.id, documents.seq, documents.rev, documents.deleted, documents.owner, documents.groups::text,
        documents.leaves, documents.tree, bodies.rev, bodies.body, bodies.exact
        """

    /// Joins the body of that revision (an expression) of `documents`.
    ///
    /// Here and elsewhere, `LATERAL` with `LIMIT 1` says that rows are looked up one by one. The plan of a prepared
    /// statement knows neither how many are asked for nor how large the tables will be, and would read them whole.
    static func body(of revision: String) -> String {
        """
        CROSS JOIN LATERAL (
            SELECT * FROM bodies WHERE bodies.document = documents.number AND bodies.rev = \(revision) LIMIT 1
        ) AS bodies
        """
    }

    /// Reads the columns ``revisionColumns``, from that place in the row.
    ///
    /// - Returns: Nil when the caller may not read the revision, or its body is not kept any more.
    static func revision(_ row: PostgresRow, for caller: Caller, _ rules: AccessRules) throws -> StoredRevision? {
        let (id, seq, winner, winnerDeleted, owner, groups, leaves, treeBytes, rev) = try row.decode(
            String.self,
            Int64.self,
            String.self,
            Bool.self,
            String?.self,
            String.self,
            Int16.self,
            [UInt8].self,
            String?.self
        )
        guard let rev, let body = try row.bytes(10) ?? row.bytes(9) else { return nil }
        let tree = try RevisionTree<Tags>(decoding: treeBytes)
        let revision = try RevisionID(parsing: rev)
        if leaves == 1 && rev == winner {
            let tags = Tags(owner: owner, groups: try Self.groups(groups))
            guard rules.mayRead(tags, caller) else { return nil }
            return StoredRevision(
                id: DocumentID(stored: id),
                revision: revision,
                isDeleted: winnerDeleted,
                tags: tags,
                body: body,
                tree: tree,
                seq: Int(seq)
            )
        }
        // A revision that is no leaf any more belongs to whom its successors belong to: a former right to it is over.
        let readable = tree.leaves(from: revision).first { rules.mayRead($0.payload ?? .none, caller) }
        guard let node = tree[revision], let leaf = readable else { return nil }
        return StoredRevision(
            id: DocumentID(stored: id),
            revision: revision,
            isDeleted: node.isDeleted,
            tags: leaf.payload ?? .none,
            body: body,
            tree: tree,
            seq: Int(seq)
        )
    }
}
