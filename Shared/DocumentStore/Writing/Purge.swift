package import CouchProtocol
package import Postgres

/// What became of a purge.
package struct PurgeOutcome: Sendable {
    /// For each document asked for, in order, the leaves that are gone.
    package let purged: [DocumentRevisions]
}

extension DocumentStore {
    /// Takes leaves away as if they had never been, and documents of which no leaf is left.
    ///
    /// A purge is not replicated. Where a leaf is left, the document has a new change: its readers get the new winner.
    /// What is no leaf stays, and is not among the answer's revisions.
    ///
    /// - Parameters:
    ///   - asked: Each document once.
    ///   - statement: A statement of the same transaction, made of what is purged.
    ///   - check: Gets that statement's rows, and throws to undo everything.
    package func purge(
        _ asked: [DocumentRevisions],
        in database: Database,
        by caller: Caller,
        traceID: String?,
        with statement: (@Sendable (PurgeOutcome) -> PostgresQuery)? = nil,
        check: @Sendable (PostgresRows) throws -> Void = { _ in }
    ) async throws -> PurgeOutcome {
        let purged = try await replanning {
            let records = try await self.records(of: Set(asked.map(\.id)), in: database)
            let plan = PurgePlan(asked, over: records)
            var statements = try await self.statements(plan, over: records, in: database, by: caller, traceID: traceID)
            if let statement { statements.append(statement(PurgeOutcome(purged: plan.purged))) }
            guard !statements.isEmpty else { return plan.purged }
            let all = statements
            try await self.client.transaction(attempts: 1) { connection in
                let rows = try await connection.pipeline(all)
                if statement != nil, let last = rows.last { try check(last) }
            }
            return plan.purged
        }
        if purged.contains(where: { !$0.revisions.isEmpty }) { notifier.committed(database) }
        return PurgeOutcome(purged: purged)
    }

    private func statements(
        _ plan: PurgePlan,
        over records: [DocumentID: DocumentRecord],
        in database: Database,
        by caller: Caller,
        traceID: String?
    ) async throws -> [PostgresQuery] {
        let infos = plan.purged.filter { !$0.revisions.isEmpty }
        guard !infos.isEmpty else { return [] }
        var writes = WritePlan(database.settings, over: records, limits: limits)
        for (id, tree) in plan.kept { writes.replace(tree, of: id, by: caller, traceID: traceID) }
        var statements = try await self.statements(committing: writes, to: database)
        if !plan.removed.isEmpty { statements.append(try await removal(of: plan.removed, in: database)) }
        if !plan.forgotten.isEmpty { statements.append(Self.forgetting(plan.forgotten, in: database)) }
        return statements + Self.noting(infos, in: database)
    }

    /// The leaves of deleted documents behind an id, some at a time, by id.
    package func tombstones(
        in database: Database,
        after id: DocumentID?,
        limit: Int
    ) async throws -> [DocumentRevisions] {
        let rows = try await client.query(
            """
            SELECT id, tree FROM documents
            WHERE database = \(database.id) AND id > \(id?.text ?? "") AND deleted ORDER BY id LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (id, bytes) = try row.decode(String.self, [UInt8].self)
            let tree = try RevisionTree<Tags>(decoding: bytes)
            return DocumentRevisions(id: DocumentID(stored: id), revisions: tree.leaves.map(\.id))
        }
    }

    private func removal(
        of records: [(id: DocumentID, record: DocumentRecord)],
        in database: Database
    ) async throws -> PostgresQuery {
        let feeds = records.reduce(into: Set<Feed>()) { $0.formUnion($1.record.feeds) }
        let numbers = try await self.feeds.numbers(of: feeds, in: database)
        var (places, entries): ([Int32], [Int64]) = ([], [])
        for (index, removed) in records.enumerated() {
            for feed in removed.record.feeds {
                guard let number = numbers[feed] else { continue }
                places.append(Int32(index + 1))
                entries.append(number)
            }
        }
        let live = Int64(records.count { $0.record.isLive == true })
        return """
            SELECT remove_documents(
                \(database.id), \(records.map(\.id.text)), \(records.map(\.record.seq)), \(places), \(entries),
                \(live), \(Int64(records.count) - live)
            )
            """
    }

    /// Deletes the bodies of these revisions.
    private static func forgetting(
        _ revisions: [(id: DocumentID, revision: RevisionID)],
        in database: Database
    ) -> PostgresQuery {
        """
        DELETE FROM bodies WHERE ctid = ANY (ARRAY(
            SELECT body.ctid
            FROM unnest(\(revisions.map(\.id.text)), \(revisions.map(\.revision.description))) AS gone (id, rev)
            CROSS JOIN LATERAL (
                SELECT number FROM documents
                WHERE documents.database = \(database.id) AND documents.id = gone.id LIMIT 1
            ) AS document
            CROSS JOIN LATERAL (
                SELECT ctid FROM bodies WHERE bodies.document = document.number AND bodies.rev = gone.rev LIMIT 1
            ) AS body
        ))
        """
    }

    /// Notes the purges, and forgets the oldest of those that were noted before.
    private static func noting(_ infos: [DocumentRevisions], in database: Database) -> [PostgresQuery] {
        let texts = infos.map { String(decoding: $0.list, as: UTF8.self) }
        return [
            """
            WITH counted AS (
                UPDATE databases SET purge_seq = purge_seq + \(Int64(infos.count))
                WHERE id = \(database.id) RETURNING purge_seq - \(Int64(infos.count)) AS base
            )
            INSERT INTO purges (database, seq, id, revs)
            SELECT \(database.id), base + place, info.id, string_to_array(info.revs, ',')
            FROM counted CROSS JOIN unnest(\(infos.map(\.id.text)), \(texts)) WITH ORDINALITY AS info (id, revs, place)
            """,
            """
            DELETE FROM purges USING databases
            WHERE purges.database = \(database.id) AND databases.id = \(database.id)
                AND purges.seq <= databases.purge_seq - databases.purged_infos_limit
            """,
        ]
    }

    /// The newest purges: which revisions of which documents are gone.
    package func purgedInfos(of database: Database) async throws -> [DocumentRevisions] {
        let rows = try await client.query(
            "SELECT id, revs FROM purges WHERE database = \(database.id) ORDER BY seq"
        )
        return try rows.map { row in
            let (id, revs) = try row.decode(String.self, [String].self)
            return DocumentRevisions(
                id: DocumentID(stored: id),
                revisions: try revs.map { try RevisionID(parsing: $0) }
            )
        }
    }
}

extension DocumentRevisions {
    /// The revisions with commas between them, which are in none.
    fileprivate var list: [UInt8] {
        var output: [UInt8] = []
        for (index, revision) in revisions.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            revision.write(to: &output)
        }
        return output
    }
}

/// What a purge does to the documents that it names; pure.
struct PurgePlan: Sendable {
    private(set) var purged: [DocumentRevisions] = []
    /// What is left of documents that are not gone.
    private(set) var kept: [(id: DocumentID, tree: RevisionTree<Tags>)] = []
    private(set) var removed: [(id: DocumentID, record: DocumentRecord)] = []
    /// The revisions of documents that stay whose bodies are not needed any more.
    private(set) var forgotten: [(id: DocumentID, revision: RevisionID)] = []

    init(_ asked: [DocumentRevisions], over records: [DocumentID: DocumentRecord]) {
        for document in asked {
            guard let record = records[document.id] else {
                purged.append(DocumentRevisions(id: document.id, revisions: []))
                continue
            }
            var tree = record.tree
            let gone = tree.purge(document.revisions)
            purged.append(DocumentRevisions(id: document.id, revisions: gone))
            if gone.isEmpty { continue }
            if tree.isEmpty {
                removed.append((document.id, record))
            } else {
                kept.append((document.id, tree))
                forgotten += record.tree.nodes.filter { !tree.contains($0.id) }.map { (document.id, $0.id) }
            }
        }
    }
}
