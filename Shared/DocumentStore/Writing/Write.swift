import CouchProtocol
import Logging
package import Postgres

extension DocumentStore {
    /// Writes documents; each is written or refused by itself, in the order given.
    ///
    /// Returns when what was written is on PostgreSQL's disk. Writes that are under way at once share a commit.
    ///
    /// - Parameter traceID: The trace that the change carries on to listeners and back ends.
    package func write(
        _ edits: [DocumentEdit],
        to database: Database,
        by caller: Caller,
        traceID: String? = nil
    ) async throws -> [EditOutcome] {
        guard !edits.isEmpty else { return [] }
        let queue = commits.queue(of: database) {
            CommitQueue { [weak self] requests in
                guard let self else { return requests.map { _ in .failure(CancellationError()) } }
                return await self.commit(requests)
            }
        }
        let request = CommitQueue.Request(database: database, edits: edits, caller: caller, traceID: traceID)
        return try await validated(request) { try await queue.submit($0) }
    }

    /// Writes documents in one transaction with other statements, made from the outcomes.
    ///
    /// - Parameters:
    ///   - accept: Looks at the outcomes before anything is committed, and throws to give up.
    ///   - check: Gets the rows of those statements, and throws to undo everything.
    package func write(
        _ edits: [DocumentEdit],
        to database: Database,
        by caller: Caller,
        traceID: String? = nil,
        with statements: @Sendable ([EditOutcome]) -> [PostgresQuery],
        check: @Sendable ([PostgresRows]) throws -> Void,
        accept: @Sendable ([EditOutcome]) throws -> Void = { _ in }
    ) async throws -> [EditOutcome] {
        let request = CommitQueue.Request(database: database, edits: edits, caller: caller, traceID: traceID)
        let outcomes = try await validated(request) { request in
            try await replanning {
                // Planned before the transaction begins, so that it neither holds locks meanwhile nor needs a second
                // connection; the commit itself sees to it that nothing has changed since.
                let (plan, planned) = try await self.plan([request])
                guard let outcomes = planned[0] else { throw NotValidated() }
                try accept(outcomes)
                let writes = try await self.statements(committing: plan, to: database)
                return try await self.client.transaction(attempts: 1) { connection in
                    let answers = try await connection.pipeline(writes + statements(outcomes))
                    try check(Array(answers.dropFirst(writes.count)))
                    return outcomes
                }
            }
        }
        notifier.committed(database)
        return outcomes
    }

    /// How often a batch is planned anew because other commits came between.
    private static let attempts = 20

    private func commit(_ requests: [CommitQueue.Request]) async -> [Result<[EditOutcome], any Error>] {
        do {
            return try await commitTogether(requests).map { $0.map { .success($0) } ?? .failure(NotValidated()) }
        } catch let error as PostgresError where requests.count > 1 && error.sqlState?.blamesData == true {
            // PostgreSQL does not take the data of one of them: the others must not suffer for it.
            return await commitEach(requests, because: error)
        } catch let error as BinaryDecodingError where requests.count > 1 {
            // Nor for a document that cannot be read.
            return await commitEach(requests, because: error)
        } catch {
            return requests.map { _ in .failure(error) }
        }
    }

    private func commitEach(
        _ requests: [CommitQueue.Request],
        because error: any Error
    ) async -> [Result<[EditOutcome], any Error>] {
        logger.warning("a batch of writes was refused", metadata: ["error": "\(error)"])
        var results: [Result<[EditOutcome], any Error>] = []
        for request in requests { results += await commit([request]) }
        return results
    }

    private func commitTogether(_ requests: [CommitQueue.Request]) async throws -> [[EditOutcome]?] {
        let database = requests[0].database
        let outcomes = try await replanning {
            let (plan, outcomes) = try await self.plan(requests)
            for statement in try await self.statements(committing: plan, to: database) {
                _ = try await self.client.query(statement)
            }
            return outcomes
        }
        notifier.committed(database)
        return outcomes
    }

    /// Plans and commits by `body`, again when another commit came between the two.
    func replanning<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        var attempt = 1
        while true {
            do {
                return try await body()
            } catch let error as PostgresError where error.sqlState == .serializationFailure && attempt < Self.attempts
            {
                attempt += 1
            } catch let error as PostgresError
                where error.sqlState == .databaseGone
                || error.sqlState == .foreignKeyViolation
            {
                // The second is what a new feed meets when its database has gone.
                recentDatabases.forget()
                throw CouchError.noDatabase
            }
        }
    }

    /// The statement that commits a plan; none when it changes nothing.
    func statements(committing plan: WritePlan, to database: Database) async throws -> [PostgresQuery] {
        guard !plan.order.isEmpty else { return [] }
        let batch = CommitBatch(plan)
        largestDocuments.note(batch.largestDocument, of: database.id)
        return [batch.statement(in: database, numbers: try await feeds.numbers(of: batch.feeds, in: database))]
    }

    /// A plan of the requests, and what becomes of their edits; nil for a request that must be validated first, of
    /// which the plan holds nothing.
    private func plan(_ requests: [CommitQueue.Request]) async throws -> (WritePlan, [[EditOutcome]?]) {
        let basis = try await basis(of: requests)
        let isValidated = try await functions(of: requests[0].database, in: basis.state) != nil
        var plan = basis.plan
        let outcomes = requests.map { add($0, to: &plan, basis.state, isValidated: isValidated) }
        return (plan, outcomes)
    }

    /// An empty plan over the documents that the requests are about, and the state of the design documents.
    func basis(of requests: [CommitQueue.Request]) async throws -> (plan: WritePlan, state: DesignState) {
        let database = requests[0].database
        let ids = Set(requests.flatMap { $0.edits.map(\.id) })
        var (records, state) = try await recordsAndDesigns(of: ids, in: database)
        try await addAttachments(to: &records, for: requests.flatMap(\.edits), in: database)
        let histories = try await histories(of: requests, over: records, in: database)
        return (WritePlan(database.settings, over: records, histories: histories, limits: limits), state)
    }

    /// What users had of documents, where they name what is not stored, or what is stored and not theirs.
    private func histories(
        of requests: [CommitQueue.Request],
        over records: [DocumentID: DocumentRecord],
        in database: Database
    ) async throws -> [WritePlan.Reader: WritePlan.ReaderHistory] {
        let rules = AccessRules(database.settings)
        var histories: [WritePlan.Reader: WritePlan.ReaderHistory] = [:]
        for request in requests {
            guard case .user(let name, _) = request.caller else { continue }
            let ids = request.edits.filter { $0.namesForeign(records, request.caller, rules) }.map(\.id)
            guard !ids.isEmpty else { continue }
            for (id, history) in try await self.histories(of: ids, in: database, for: request.caller) {
                let lost = (history.ownLosses + history.feedLosses).flatMap(\.leaves).flatMap(\.revisions)
                histories[WritePlan.Reader(user: name, id: id)] = WritePlan.ReaderHistory(
                    comebacks: history.ownLosses.unanswered.map(\.comeback),
                    lost: Set(lost)
                )
            }
        }
        return histories
    }

    /// The documents and the state of the design documents, in one statement; who validates nothing asks for nothing.
    private func recordsAndDesigns(
        of ids: Set<DocumentID>,
        in database: Database
    ) async throws -> ([DocumentID: DocumentRecord], DesignState) {
        guard validator != nil else { return (try await records(of: ids, in: database), .none) }
        var state = DesignState.none
        var records: [DocumentID: DocumentRecord] = [:]
        let rows = try await client.query(
            """
            SELECT id, seq, tree, 0::bigint FROM documents
            WHERE database = \(database.id) AND id = ANY(\(ids.map(\.text)))
            UNION ALL
            SELECT NULL, COALESCE(max(seq), 0), NULL, count(*) FROM documents
            WHERE database = \(database.id) AND id >= '_design/' AND id < '_design0'
            """
        )
        for row in rows {
            let (id, seq, tree, count) = try row.decode(String?.self, Int64.self, [UInt8]?.self, Int64.self)
            guard let id, let tree else {
                state = DesignState(count: count, lastChange: seq)
                continue
            }
            records[DocumentID(stored: id)] = DocumentRecord(seq: seq, tree: try RevisionTree(decoding: tree))
        }
        return (records, state)
    }

    func records(of ids: Set<DocumentID>, in database: Database) async throws -> [DocumentID: DocumentRecord] {
        let rows = try await client.query(
            """
            SELECT found.id, found.seq, found.tree FROM unnest(\(ids.map(\.text))) AS asked (id)
            CROSS JOIN LATERAL (
                SELECT id, seq, tree FROM documents
                WHERE documents.database = \(database.id) AND documents.id = asked.id LIMIT 1
            ) AS found
            """
        )
        var records: [DocumentID: DocumentRecord] = [:]
        for row in rows {
            records[DocumentID(stored: try row.decode(String.self, at: 0))] = DocumentRecord(
                seq: try row.decode(Int64.self, at: 1),
                tree: try RevisionTree(decoding: try row.decode([UInt8].self, at: 2))
            )
        }
        return records
    }
}

extension DocumentEdit {
    /// Whether it follows a revision that the document does not have, or brings one that it has and that the caller
    /// does not see: the caller's devices may know both.
    fileprivate func namesForeign(
        _ records: [DocumentID: DocumentRecord],
        _ caller: Caller,
        _ rules: AccessRules
    ) -> Bool {
        guard let record = records[id] else { return false }
        switch revision {
        case .next(let parent): return parent.map { !record.tree.contains($0) } ?? false
        case .made(let path):
            return record.tree.contains(path.revision)
                && rules.visible(record.tree, to: caller)?.contains(path.revision) != true
        }
    }
}

extension SQLState {
    /// What `commit_documents` raises when the database is not there any more (`no_data_found` of PL/pgSQL).
    static let databaseGone = SQLState(rawValue: "P0002")

    /// Whether it is about what was to be written: data exceptions, violated constraints, exceeded limits.
    fileprivate var blamesData: Bool { ["22", "23", "54"].contains(classCode) }
}
