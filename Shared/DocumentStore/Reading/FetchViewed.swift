import CouchProtocol
import Postgres

extension DocumentStore {
    /// A document's history as it is stored, with what the reader lost of it.
    struct History: Sendable {
        let seq: Int
        let tree: RevisionTree<Tags>
        /// What the reader lost by leaving groups.
        let ownLosses: [Loss]
        /// What the readers of the reader's feeds lost by changes of the document.
        let feedLosses: [Loss]

        /// The tombstones that the reader's devices were told for what was lost by changes of the document.
        var tombstones: [RevisionPath] {
            feedLosses.flatMap(\.leaves).map { ownLosses.shown($0).tombstone }
                + ownLosses.flatMap(\.leaves).map(\.tombstone) + tree.closings(of: ownLosses)
        }
    }

    /// The revisions as the caller sees them, where that is not as they are stored.
    ///
    /// What a caller lost is answered by tombstones, and what came back by the revision that is behind the tombstone.
    func fetchViewed(
        _ requests: [RevisionRequest],
        from database: Database,
        for caller: Caller
    ) async throws -> [RevisionRequest: StoredRevision] {
        let caller = try await caller.with(addedGroups: freshGroups(of: caller))
        let histories = try await histories(of: requests.map(\.id), in: database, for: caller)
        let rules = AccessRules(database.settings)
        var found: [RevisionRequest: StoredRevision] = [:]
        var views: [DocumentID: RevisionTree<Tags>] = [:]
        var stored: [RevisionRequest: RevisionPath] = [:]
        for request in requests {
            guard let history = histories[request.id] else { continue }
            let view = rules.view(history.tree, for: caller, losses: history.ownLosses)
            views[request.id] = view
            switch Self.place(of: request.revision, in: view, history, for: caller, rules) {
            case .stored(let path): stored[request] = path
            case .madeUp(let path):
                found[request] = StoredRevision(madeUp: path, of: request.id, in: view, seq: history.seq)
            case nil: break
            }
        }
        let bodies = try await bodies(stored.map { RevisionRequest(id: $0.id, revision: $1.stored) }, from: database)
        for (request, path) in stored {
            guard let body = bodies[RevisionRequest(id: request.id, revision: path.stored)], let view = views[request.id]
            else { continue }
            found[request] = StoredRevision(body, shownAs: path, in: view, for: caller, rules)
        }
        return found
    }

    /// Where a revision that a caller sees comes from.
    private enum Place {
        /// It is stored, perhaps in another form.
        case stored(RevisionPath)
        /// It is a tombstone that this house made up.
        case madeUp(RevisionPath)
    }

    /// - Parameter revision: Nil for the winner.
    private static func place(
        of revision: RevisionID?,
        in view: RevisionTree<Tags>?,
        _ history: History,
        for caller: Caller,
        _ rules: AccessRules
    ) -> Place? {
        if let view, let node = revision.map({ view[$0] }) ?? view.winner, let path = view.path(to: node.id) {
            if node.isDeleted, Revocation.isOurs(path) { return .madeUp(path) }
            if view.leaf(from: node.id, readableTo: caller, rules) != nil { return .stored(path) }
        }
        guard let revision else { return nil }
        return history.tombstones.first { $0.revision == revision }.map(Place.madeUp)
    }

    /// The histories of these documents, with what the caller lost of them.
    func histories(
        of ids: [DocumentID],
        in database: Database,
        for caller: Caller
    ) async throws -> [DocumentID: History] {
        let rows = try await client.query(
            """
            SELECT documents.id, documents.seq, documents.tree,
                \(fragment: Self.ownLosses(of: caller, in: database, "documents.number")),
                (
                    SELECT array_agg(loss) FROM (\(fragment: Self.everyFeed(of: caller, in: database))) AS feed
                    CROSS JOIN LATERAL (
                        SELECT losses FROM feed_entries
                        WHERE feed_entries.feed = feed.number AND feed_entries.document = documents.number LIMIT 1
                    ) AS entry
                    CROSS JOIN LATERAL unnest(entry.losses) AS loss
                )
            FROM documents WHERE database = \(database.id) AND id = ANY(\(ids.map(\.text)))
            """
        )
        var histories: [DocumentID: History] = [:]
        for row in rows {
            let (id, seq, tree, own, feed) =
                try row.decode(String.self, Int64.self, [UInt8].self, [[UInt8]]?.self, [[UInt8]]?.self)
            histories[DocumentID(stored: id)] = History(
                seq: Int(seq),
                tree: try RevisionTree(decoding: tree),
                ownLosses: try Loss.all(own),
                feedLosses: try Loss.all(feed).sorted { $0.seq < $1.seq }
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

    /// The losses of a document (an expression for its number) that the caller's own feed has; NULL when there are none.
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

    /// These revisions as they are stored, whoever may read them.
    private func bodies(
        _ requests: [RevisionRequest],
        from database: Database
    ) async throws -> [RevisionRequest: StoredRevision] {
        guard !requests.isEmpty else { return [:] }
        return try await fetchPlain(requests, from: database, for: .sequence(user: nil))
    }

    /// The groups that the caller is in now, which may be more than those that the caller came with.
    private func freshGroups(of caller: Caller) async throws -> Set<String> {
        guard case .user(let name, _) = caller else { return [] }
        return try await groups(of: name)
    }
}

extension Caller {
    /// The caller with these groups besides those that are known.
    fileprivate func with(addedGroups groups: Set<String>) -> Caller {
        guard case .user(_, let known) = self else { return self }
        return with(groups: known.union(groups))
    }
}

extension RevisionTree<Tags> {
    /// The leaf by which the caller may read a revision: one that came from it, or itself.
    ///
    /// A revision that is no leaf any more belongs to whom its successors belong to: a former right to it is over. The
    /// tombstones of revocations have no tags, and give no right to what they end.
    fileprivate func leaf(from revision: RevisionID, readableTo caller: Caller, _ rules: AccessRules) -> Node? {
        leaves(from: revision).first { leaf in leaf.payload.map { rules.mayRead($0, caller) } ?? false }
    }
}

extension StoredRevision {
    /// The tombstone that tells a reader that a revision is not the reader's any more.
    fileprivate init(madeUp path: RevisionPath, of id: DocumentID, in view: RevisionTree<Tags>?, seq: Int) {
        var tree = view ?? RevisionTree()
        if !tree.contains(path.revision) { _ = try? tree.merge(path, status: .deleted) }
        self.init(
            id: id,
            revision: path.revision,
            isDeleted: true,
            tags: .none,
            body: DocumentBody.empty.bytes,
            tree: tree,
            seq: seq
        )
    }

    /// A stored revision in the form in which a reader sees it.
    fileprivate init(
        _ stored: StoredRevision,
        shownAs path: RevisionPath,
        in view: RevisionTree<Tags>,
        for caller: Caller,
        _ rules: AccessRules
    ) {
        self.init(
            id: stored.id,
            revision: path.revision,
            isDeleted: stored.isDeleted,
            tags: view.leaf(from: path.revision, readableTo: caller, rules)?.payload ?? .none,
            body: stored.body,
            tree: view,
            seq: stored.seq
        )
    }
}
