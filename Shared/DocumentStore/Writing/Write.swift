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
        return try await queue.submit(
            CommitQueue.Request(database: database, edits: edits, caller: caller, traceID: traceID)
        )
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
        return try await client.transaction(attempts: Self.attempts) { connection in
            let (plan, outcomes) = try await self.plan([request], over: connection)
            try accept(outcomes[0])
            let feeds = try await self.feeds.numbers(of: CommitBatch.feeds(of: plan), in: database)
            let writes = plan.order.isEmpty ? [] : [CommitBatch(plan, feeds: feeds).statement(in: database)]
            let answers = try await connection.pipeline(writes + statements(outcomes[0]))
            try check(Array(answers.dropFirst(writes.count)))
            return outcomes[0]
        }
    }

    /// How often a batch is planned anew because other commits came between.
    private static let attempts = 20

    private func commit(_ requests: [CommitQueue.Request]) async -> [Result<[EditOutcome], any Error>] {
        do {
            return try await commitTogether(requests).map { .success($0) }
        } catch let error as PostgresError where error.sqlState?.classCode == "22" && requests.count > 1 {
            // PostgreSQL does not take the data of one of them: the others must not suffer for it.
            logger.warning("a batch of writes was refused", metadata: ["error": "\(error)"])
            var results: [Result<[EditOutcome], any Error>] = []
            for request in requests { results += await commit([request]) }
            return results
        } catch {
            return requests.map { _ in .failure(error) }
        }
    }

    private func commitTogether(_ requests: [CommitQueue.Request]) async throws -> [[EditOutcome]] {
        let database = requests[0].database
        var attempt = 1
        while true {
            do {
                let (plan, outcomes) = try await plan(requests, over: client)
                guard !plan.order.isEmpty else { return outcomes }
                let feeds = try await feeds.numbers(of: CommitBatch.feeds(of: plan), in: database)
                _ = try await client.query(CommitBatch(plan, feeds: feeds).statement(in: database))
                return outcomes
            } catch let error as PostgresError where error.sqlState == .serializationFailure && attempt < Self.attempts {
                attempt += 1
            } catch let error as PostgresError where error.sqlState == .databaseGone {
                throw CouchError.noDatabase
            }
        }
    }

    private func plan(
        _ requests: [CommitQueue.Request],
        over reader: some QueryRunner
    ) async throws
        -> (WritePlan, [[EditOutcome]])
    {
        let database = requests[0].database
        let records = try await records(of: Set(requests.flatMap { $0.edits.map(\.id) }), in: database, over: reader)
        var plan = WritePlan(database.settings, over: records)
        let outcomes = requests.map { request in
            request.edits.map { plan.add($0, by: request.caller, traceID: request.traceID) }
        }
        return (plan, outcomes)
    }

    private func records(
        of ids: Set<DocumentID>,
        in database: Database,
        over reader: some QueryRunner
    ) async throws
        -> [DocumentID: DocumentRecord]
    {
        let rows = try await reader.query(
            "SELECT id, seq, tree FROM documents WHERE database = \(database.id) AND id = ANY(\(ids.map(\.text)))"
        )
        var records: [DocumentID: DocumentRecord] = [:]
        for row in rows {
            let (id, seq, tree) = try row.decode(String.self, Int64.self, [UInt8].self)
            records[DocumentID(stored: id)] = DocumentRecord(seq: seq, tree: try RevisionTree(decoding: tree))
        }
        return records
    }
}

/// What answers a query: the pool, or one connection with its transaction.
protocol QueryRunner: Sendable {
    func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows
}

extension PostgresClient: QueryRunner {}
extension PostgresConnection: QueryRunner {}

extension SQLState {
    /// What `commit_documents` raises when the database is not there any more (`no_data_found` of PL/pgSQL).
    fileprivate static let databaseGone = SQLState(rawValue: "P0002")
}
