import CouchProtocol
import Postgres

/// A document as one caller sees it: the leaves that the caller may read, what led to them, and how what the caller
/// lost came back (``AccessRules/view(_:for:losses:)``).
///
/// The one place in which a row of `documents` becomes something that a caller sees. Every read but the feeds goes
/// through it, so that a document of which the caller may read nothing is everywhere as one that does not exist.
struct DocumentView: Sendable {
    /// The key of the document's row.
    let number: Int64
    let id: DocumentID
    /// The number of the document's last change.
    let seq: Int
    /// The winner of the leaves that the caller may read.
    let winner: RevisionID
    let isDeleted: Bool
    /// The tags of that winner.
    let tags: Tags
    /// The history as the caller sees it; nil when the document has one leaf and no more was asked for.
    let tree: RevisionTree<Tags>?

    private let rights: Rights
    /// Whether the document has one leaf, which the caller sees as it is stored.
    private let isPlain: Bool

    /// By whose rights the document is seen.
    private struct Rights: Sendable {
        let rules: AccessRules
        let caller: Caller
    }

    /// The columns that ``init(_:for:_:)`` reads, the tree of a document with one leaf only where `whole` holds.
    static func columns(for caller: Caller, in database: Database, whole: String) -> PostgresQuery {
        let losses = DocumentStore.ownLosses(of: caller, in: database, "documents.number")
        return """
            documents.number, documents.id, documents.seq, documents.rev, documents.deleted, documents.owner,
            documents.groups::text, documents.leaves, \(fragment: losses),
            CASE WHEN documents.leaves > 1 OR \(unescaped: whole) OR \(fragment: losses) IS NOT NULL
                THEN documents.tree END
            """
    }

    /// How many columns those are.
    static let columnCount = 10

    /// The document of a row, as the caller sees it; the fourth column (from 0: 3) is the winner of all leaves.
    ///
    /// - Returns: Nil when the caller may read none of its leaves.
    init?(_ row: PostgresRow, for caller: Caller, _ rules: AccessRules) throws {
        // One by one: values of different types at once cost more, and this is done for every row that is read.
        number = try row.decode(Int64.self, at: 0)
        id = DocumentID(stored: try row.decode(String.self, at: 1))
        seq = Int(try row.decode(Int64.self, at: 2))
        rights = Rights(rules: rules, caller: caller)
        let losses = try row.isNull(8) ? nil : row.decode([[UInt8]].self, at: 8)
        let whole = try row.bytes(9).map { try RevisionTree<Tags>(decoding: $0) }
        guard try losses != nil || row.decode(Int16.self, at: 7) > 1, let whole else {
            tags = Tags(
                owner: try row.isNull(5) ? nil : row.decode(String.self, at: 5),
                groups: try DocumentStore.groups(try row.decode(String.self, at: 6))
            )
            guard rules.mayRead(tags, caller) else { return nil }
            winner = try row.revision(at: 3)
            isDeleted = try row.decode(Bool.self, at: 4)
            tree = whole
            isPlain = true
            return
        }
        guard let view = rules.view(whole, for: caller, losses: try Loss.all(losses)), let winner = view.winner
        else { return nil }
        isPlain = false
        self.winner = winner.id
        isDeleted = winner.isDeleted
        tags = winner.payload ?? .none
        tree = view
    }

    /// The leaves that the caller may read, the winner first.
    var leaves: [RevisionID] { tree?.leaves.map(\.id) ?? [winner] }

    /// Whether the caller may know of that revision.
    func contains(_ revision: RevisionID) -> Bool {
        revision == winner || tree?.contains(revision) ?? false
    }

    /// The revision whose body is that of one that the caller sees: itself, unless it is one that came back.
    func stored(_ revision: RevisionID) -> RevisionID {
        isPlain && revision == winner ? revision : tree?.path(to: revision)?.stored ?? revision
    }

    /// A revision that has no body because this house made it up, to tell the caller that the one before it is lost.
    func madeUp(_ revision: RevisionID) -> StoredRevision? {
        guard !isPlain, let node = tree?[revision], node.isDeleted, let path = tree?.path(to: revision),
            Revocation.isOurs(path)
        else { return nil }
        return shown(revision, isDeleted: true, tags: .none, body: nil)
    }

    /// A revision with its body.
    ///
    /// A revision that is no leaf any more belongs to whom its successors belong to: a former right to it is over. The
    /// tombstones of revocations have no tags, and give no right to what they end.
    ///
    /// - Returns: Nil when the caller may not know of that revision.
    func revision(_ revision: RevisionID, body: StoredBody) -> StoredRevision? {
        guard let tree, !(isPlain && revision == winner) else {
            return revision == winner ? shown(revision, isDeleted: isDeleted, tags: tags, body: body) : nil
        }
        let leaf = tree.leaves(from: revision).first { leaf in
            leaf.payload.map { rights.rules.mayRead($0, rights.caller) } ?? false
        }
        guard let node = tree[revision], let leaf else { return nil }
        return shown(revision, isDeleted: node.isDeleted, tags: leaf.payload ?? .none, body: body)
    }

    private func shown(_ revision: RevisionID, isDeleted: Bool, tags: Tags, body: StoredBody?) -> StoredRevision {
        let stored = stored(revision)
        return StoredRevision(
            id: id,
            revision: revision,
            isDeleted: isDeleted,
            tags: tags,
            body: body?.bytes ?? DocumentBody.empty.bytes,
            attachments: body?.attachments(of: revision, stored: stored) ?? [],
            tree: tree,
            seq: seq,
            document: number,
            stored: stored
        )
    }
}

extension DocumentStore {
    /// What joins the documents of the ids of `asked`: looked up one by one, whatever the planner makes of the table.
    static func documentsAsked(in database: Database) -> PostgresQuery {
        """
        LATERAL (
            SELECT * FROM documents WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
        ) AS documents
        """
    }

    /// The documents of these ids as the caller sees them, with their histories; absent are those of which the caller
    /// may read nothing.
    func views(
        of ids: [DocumentID],
        in database: Database,
        for caller: Caller
    ) async throws -> [DocumentID: DocumentView] {
        let rows = try await client.query(
            """
            SELECT \(fragment: DocumentView.columns(for: caller, in: database, whole: "true"))
            FROM unnest(\(ids.map(\.text))) AS asked (id)
            CROSS JOIN \(fragment: Self.documentsAsked(in: database))
            """
        )
        let rules = AccessRules(database.settings)
        var views: [DocumentID: DocumentView] = [:]
        for row in rows {
            guard let view = try DocumentView(row, for: caller, rules) else { continue }
            views[view.id] = view
        }
        return views
    }
}
