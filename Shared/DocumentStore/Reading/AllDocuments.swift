package import CouchProtocol
import Postgres

/// One row of a list of documents: the winner as the caller sees it, without its body.
package struct ListedDocument: Sendable {
    package let id: DocumentID
    package let revision: RevisionID
    package let isDeleted: Bool
    package let tags: Tags
    /// The live leaves beside the winner that the caller may read.
    package let conflicts: [RevisionID]
    /// Names the body that the row has.
    package let body: BodyKey

    init(_ view: DocumentView) {
        id = view.id
        revision = view.winner
        isDeleted = view.isDeleted
        tags = view.tags
        conflicts = view.tree?.conflicts ?? []
        body = BodyKey(document: view.number, revision: view.stored(view.winner))
    }
}

/// A page of a list of documents.
package struct DocumentPage: Sendable {
    package let documents: [ListedDocument]
    /// Where the next page begins; nil when this one is the last.
    package let next: DocumentRange?

    /// A page without documents, as the only one.
    package static let empty = DocumentPage(documents: [], next: nil)
}

extension DocumentStore {
    /// A page of the live documents of that range that the caller may read, by id; at most `size` at once.
    ///
    /// A user's are found through the feeds that the user is in, so it costs what the user has.
    package func listDocuments(
        in range: DocumentRange,
        of database: Database,
        for caller: Caller,
        size: Int
    ) async throws -> DocumentPage {
        // Whoever sees every row may let PostgreSQL skip; of a user's rows some may turn out to be hidden.
        let skipsInQuery = caller.feeds == nil
        let count = min(size, skipsInQuery ? range.limit : range.limit + range.skip)
        let query: PostgresQuery = """
            SELECT \(fragment: DocumentView.columns(for: caller, in: database, whole: "false"))
            FROM \(fragment: Self.source(for: caller, in: database)) AND \(fragment: range.condition)
            \(unescaped: range.order) OFFSET \(Int64(skipsInQuery ? range.skip : 0)) LIMIT \(Int64(count))
            """
        let rules = AccessRules(database.settings)
        let rows = try await client.query(query)
        var views = try rows.compactMap { try DocumentView($0, for: caller, rules) }.filter { !$0.isDeleted }
        var next = range
        next.skip = 0
        if !skipsInQuery {
            let skipped = min(range.skip, views.count)
            views.removeFirst(skipped)
            next.skip = range.skip - skipped
        }
        if views.count > range.limit { views.removeLast(views.count - range.limit) }
        next.limit -= views.count
        guard rows.count == count, next.limit > 0, let last = rows.last else {
            return DocumentPage(documents: views.map(ListedDocument.init), next: nil)
        }
        next.first = try last.decode(String.self, at: 1)
        next.includesFirst = false
        return DocumentPage(documents: views.map(ListedDocument.init), next: next)
    }

    /// The live documents of that range that the caller may read, with their bodies, by id.
    package func documents(
        in range: DocumentRange,
        of database: Database,
        for caller: Caller
    ) async throws -> [StoredRevision] {
        var found: [StoredRevision] = []
        var next: DocumentRange? = range
        while let range = next {
            let page = try await listDocuments(in: range, of: database, for: caller, size: 1_000)
            found += try await revisions(of: page.documents).compactMap(\.self)
            next = page.next
        }
        return found
    }

    /// The live design documents that the caller may read, by id.
    ///
    /// There are few of them, so they are looked at one by one, and not through the caller's feeds.
    package func designDocuments(in database: Database, for caller: Caller) async throws -> [ListedDocument] {
        var range = DocumentRange()
        range.onlyDesigns = true
        let rows = try await client.query(
            """
            SELECT \(fragment: DocumentView.columns(for: caller, in: database, whole: "false"))
            FROM documents WHERE documents.database = \(database.id) AND \(fragment: range.condition)
            \(unescaped: range.order)
            """
        )
        let rules = AccessRules(database.settings)
        return try rows.compactMap { try DocumentView($0, for: caller, rules) }.filter { !$0.isDeleted }
            .map(ListedDocument.init)
    }

    /// The winners of these rows with their bodies; nil where one was changed and compacted since.
    package func revisions(of listed: [ListedDocument]) async throws -> [StoredRevision?] {
        let bodies = try await bodies(listed.map(\.body))
        return listed.map { row in
            guard let body = bodies[row.body] else { return nil }
            return StoredRevision(
                id: row.id,
                revision: row.revision,
                isDeleted: row.isDeleted,
                tags: row.tags,
                body: body.bytes,
                attachments: body.attachments(of: row.revision, stored: row.body.revision),
                tree: nil,
                seq: 0,
                document: row.body.document,
                stored: row.body.revision
            )
        }
    }

    /// The rows of these documents, for each id in its order, tombstones among them; nil where the caller sees none.
    package func listedDocuments(
        _ ids: [DocumentID],
        of database: Database,
        for caller: Caller
    ) async throws -> [ListedDocument?] {
        let views = try await views(of: Array(Set(ids)), in: database, for: caller)
        return ids.map { views[$0].map(ListedDocument.init) }
    }

    /// `documents` as far as the caller may have some, as what stands behind FROM, up to an open WHERE.
    static func source(for caller: Caller, in database: Database) -> PostgresQuery {
        guard let feeds = caller.feeds else { return "documents WHERE documents.database = \(database.id)" }
        return """
            (
                SELECT DISTINCT entry.document
                FROM (\(fragment: FeedRegistry.numbers(ofExisting: feeds, in: database))) AS feed
                JOIN feed_entries AS entry ON entry.feed = feed.number WHERE entry.present
            ) AS entry
            CROSS JOIN LATERAL (SELECT * FROM documents WHERE number = entry.document LIMIT 1) AS documents
            WHERE true
            """
    }
}
