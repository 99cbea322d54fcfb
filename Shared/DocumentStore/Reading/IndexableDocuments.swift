package import CouchProtocol
import JSON
package import Postgres

/// A changed document as an index takes it.
package struct IndexableDocument: Sendable {
    /// The key of the document's row.
    package let number: Int64
    package let id: DocumentID
    /// The number of the document's last change.
    package let seq: Int
    /// Whether the winner is a tombstone: then nothing of the document belongs in an index.
    package let isDeleted: Bool
    /// The feeds of the winner's tags, by number: who reads the winner reads one of them.
    package let feeds: [Int64]
    /// The winner as JSON, with the special members that CouchDB shows to map functions.
    package let json: [UInt8]
}

/// What a reader of changed documents wants to see of them.
package struct IndexScope: Sendable, Hashable {
    /// Whether design documents count (`options.include_design`).
    package var includesDesigns = false
    /// Whether documents have `_local_seq` (`options.local_seq`).
    package var showsSequence = false

    package init() {}
}

extension DocumentStore {
    /// The documents whose last change lies in that stretch, in order, tombstones among them.
    ///
    /// One that changes while the stretch is read has its last change behind it, and is then in a later stretch. Fewer
    /// than `limit` documents say nothing about the end: large ones make a page short.
    ///
    /// Maps see `_conflicts` of the leaves that belong to the same as the winner: a row is read by whoever reads the
    /// winner, and other branches may not even be known to them.
    package func indexableDocuments(
        in database: Database,
        since: Int,
        through: Int,
        limit: Int,
        scope: IndexScope
    ) async throws -> [IndexableDocument] {
        let rows = try await client.query(
            """
            SELECT number, id, seq, rev, deleted, owner, groups::text, tree, body, exact, attachments
            FROM (
                SELECT *, sum(coalesce(size, 0) + coalesce(octet_length(tree), 0))
                    OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM (
                    SELECT documents.number, documents.id, documents.seq, documents.rev, documents.deleted,
                        documents.owner, documents.groups, CASE WHEN leaves > 1 THEN tree END AS tree,
                        bodies.body, bodies.exact, bodies.attachments, bodies.size
                    FROM (
                        SELECT * FROM documents
                        WHERE documents.database = \(database.id)
                            AND seq > \(Int64(since)) AND seq <= \(Int64(through)) AND seq > 0
                        ORDER BY seq LIMIT \(Int64(limit))
                    ) AS documents \(unescaped: Self.body(of: "documents.rev"))
                ) AS found
            ) AS sized
            WHERE coalesce(before, 0) < \(PageMemory.bodies) ORDER BY seq
            """
        )
        var documents: [(document: ChangedDocument, tags: Tags)] = []
        documents.reserveCapacity(rows.count)
        for row in rows { documents.append(try Self.changed(row)) }
        let wanted = documents.reduce(into: Set<Feed>()) { $0.formUnion($1.tags.feeds) }
        let numbers = try await feeds.numbers(of: wanted, in: database)
        let rules = database.documentRules
        return documents.map { document, tags in
            document.indexable(feeds: tags.feeds.compactMap { numbers[$0] }, scope: scope, rules: rules)
        }
    }

    private static func changed(_ row: PostgresRow) throws -> (ChangedDocument, Tags) {
        let owner = try row.decode(String?.self, at: 5)
        let tags = Tags(owner: owner, groups: try groups(try row.decode(String.self, at: 6)))
        let document = ChangedDocument(
            number: try row.decode(Int64.self, at: 0),
            id: DocumentID(stored: try row.decode(String.self, at: 1)),
            seq: Int(try row.decode(Int64.self, at: 2)),
            revision: try RevisionID(parsing: try row.decode(String.self, at: 3)),
            isDeleted: try row.decode(Bool.self, at: 4),
            tags: tags,
            tree: try row.bytes(7).map { try RevisionTree<Tags>(decoding: $0) },
            body: try StoredBody(row, at: 8)
        )
        return (document, tags)
    }
}

/// A document whose last change is new.
private struct ChangedDocument {
    let number: Int64
    let id: DocumentID
    let seq: Int
    let revision: RevisionID
    let isDeleted: Bool
    let tags: Tags
    let tree: RevisionTree<Tags>?
    let body: StoredBody?

    func indexable(feeds: [Int64], scope: IndexScope, rules: DocumentRules) -> IndexableDocument {
        let isHidden = isDeleted || body == nil || id.isDesign && !scope.includesDesigns
        return IndexableDocument(
            number: number,
            id: id,
            seq: seq,
            isDeleted: isHidden,
            feeds: feeds.sorted(),
            json: isHidden ? [] : json(scope, rules)
        )
    }

    private func json(_ scope: IndexScope, _ rules: DocumentRules) -> [UInt8] {
        var outgoing = OutgoingDocument(id: id, revision: revision, body: body?.bytes ?? DocumentBody.empty.bytes)
        outgoing.owner = tags.owner
        outgoing.groups = tags.groups
        outgoing.attachments = body?.attachments.map { $0.outgoing() } ?? []
        if scope.showsSequence { outgoing.localSequence = .number(JSONNumber(seq)) }
        let others = (tree?.leaves ?? []).filter { $0.id != revision && ($0.payload ?? .none) == tags }
        outgoing.conflicts = others.filter { !$0.isDeleted }.map(\.id)
        outgoing.deletedConflicts = others.filter(\.isDeleted).map(\.id)
        var output: [UInt8] = []
        outgoing.write(to: &output, rules: rules)
        return output
    }
}

extension DocumentStore {
    /// The query of the feeds (`number`) that the caller reads; nil for one who reads all.
    ///
    /// A part of the statement that reads by them, as ``FeedRegistry/numbers(ofExisting:in:)`` says.
    package static func readableFeeds(of caller: Caller, in database: Database) -> PostgresQuery? {
        caller.feeds.map { FeedRegistry.numbers(ofExisting: $0, in: database) }
    }

    /// The tags in the columns `owner` and `groups::text` of a document's row.
    package static func tags(owner: String?, groups text: String) throws -> Tags {
        Tags(owner: owner, groups: try groups(text))
    }
}
