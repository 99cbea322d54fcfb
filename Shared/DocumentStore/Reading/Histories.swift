import CouchProtocol
import Postgres

extension DocumentStore {
    /// A document's history as it is stored, with what the reader lost of it.
    struct History: Sendable {
        /// The key of the document's row.
        let document: Int64
        let seq: Int
        let tree: RevisionTree<Tags>
        /// What the reader lost by leaving groups, or gave away.
        let ownLosses: [Loss]
        /// What the readers of the reader's feeds lost by changes of the document.
        let feedLosses: [Loss]
        /// The history as the reader sees it; nil when the reader may read no leaf.
        let view: RevisionTree<Tags>?

        /// The tombstones that the reader's devices were told for what was lost by changes of the document.
        var tombstones: [RevisionPath] {
            feedLosses.flatMap(\.leaves).map { ownLosses.shown($0).tombstone }
                + ownLosses.flatMap(\.leaves).map(\.tombstone) + tree.closings(of: ownLosses)
        }

        /// The tombstone that tells a reader that a revision is not the reader's any more.
        func madeUp(_ path: RevisionPath, of id: DocumentID) -> StoredRevision {
            var tree = view ?? RevisionTree()
            if !tree.contains(path.revision) { _ = try? tree.merge(path, status: .deleted) }
            return StoredRevision(
                id: id,
                revision: path.revision,
                isDeleted: true,
                tags: .none,
                body: DocumentBody.empty.bytes,
                tree: tree,
                seq: seq,
                document: document,
                stored: path.revision
            )
        }
    }

    /// The histories of these documents, with what the caller lost of them.
    func histories(
        of ids: [DocumentID],
        in database: Database,
        for caller: Caller
    ) async throws -> [DocumentID: History] {
        let rows = try await client.query(
            """
            SELECT documents.number, documents.id, documents.seq, documents.tree,
                \(fragment: Self.ownLosses(of: caller, in: database, "documents.number")),
                (
                    SELECT array_agg(loss) FROM (\(fragment: Self.everyFeed(of: caller, in: database))) AS feed
                    CROSS JOIN LATERAL (
                        SELECT losses FROM feed_entries
                        WHERE feed_entries.feed = feed.number AND feed_entries.document = documents.number LIMIT 1
                    ) AS entry
                    CROSS JOIN LATERAL unnest(entry.losses) AS loss
                )
            FROM unnest(\(ids.map(\.text))) AS asked (id)
            CROSS JOIN \(fragment: Self.documentsAsked(in: database))
            """
        )
        let rules = AccessRules(database.settings)
        var histories: [DocumentID: History] = [:]
        for row in rows {
            let (number, id, seq, bytes, own, feed) =
                try row.decode(Int64.self, String.self, Int64.self, [UInt8].self, [[UInt8]]?.self, [[UInt8]]?.self)
            let tree = try RevisionTree<Tags>(decoding: bytes)
            let ownLosses = try Loss.all(own)
            histories[DocumentID(stored: id)] = History(
                document: number,
                seq: Int(seq),
                tree: tree,
                ownLosses: ownLosses,
                feedLosses: try Loss.all(feed).sorted { $0.seq < $1.seq },
                view: rules.view(tree, for: caller, losses: ownLosses)
            )
        }
        return histories
    }

    /// The numbers of the feeds that the caller is in, or was in once.
    private static func everyFeed(of caller: Caller, in database: Database) -> PostgresQuery {
        guard case .user(let name, _) = caller else { return "SELECT NULL::bigint AS number WHERE false" }
        return """
            \(fragment: FeedRegistry.numbers(ofExisting: caller.feeds ?? [], in: database))
            UNION
            SELECT id FROM feeds WHERE database = \(database.id) AND kind = 'group' AND name IN (
                SELECT group_name FROM membership_events WHERE database = \(database.id) AND user_name = \(name)
            )
            """
    }

    /// The losses of a document (an expression for its number) that the caller's own feed has; NULL for none.
    static func ownLosses(of caller: Caller, in database: Database, _ document: String) -> PostgresQuery {
        guard let feed = caller.lossFeed else { return "NULL::bytea[]" }
        return """
            (
                SELECT losses FROM feed_entries WHERE feed_entries.document = \(unescaped: document)
                    AND feed_entries.feed = (
                        SELECT id FROM feeds
                        WHERE feeds.database = \(database.id) AND kind = \(feed.kind) AND name = \(feed.name)
                    )
            )
            """
    }
}
