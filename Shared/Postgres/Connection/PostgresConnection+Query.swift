import CPostgres

extension PostgresConnection {
    /// The protocol's limit on the parameters of one statement.
    static let maximumParameters = 65_535
    /// The most statements in one pipeline; their text and answers are in memory together.
    static let maximumPipeline = 10_000
    /// The most bytes of one parameter, PostgreSQL's limit on a value.
    static let maximumParameterBytes = 1 << 30

    /// Runs a statement and gives back its rows, all of them in memory; see ``stream(_:)`` for large results.
    ///
    /// The statement is prepared once for each connection.
    package func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await interruptible { () throws(PostgresError) -> PostgresRows in
            let rows = try run([query])
            guard let only = rows.first else { throw .misuse("a statement gave no answer") }
            return only
        }
    }

    /// Runs a statement and gives back how many rows it affected.
    @discardableResult
    package func execute(_ query: PostgresQuery) async throws(PostgresError) -> Int {
        try await self.query(query).affected
    }

    /// Runs statements in one round trip and, outside a transaction, as one transaction.
    ///
    /// When one fails, none of them has had an effect; the error says which (`pipelineIndex`).
    package func pipeline(_ queries: [PostgresQuery]) async throws(PostgresError) -> [PostgresRows] {
        guard !queries.isEmpty else { return [] }
        return try await interruptible { () throws(PostgresError) -> [PostgresRows] in try run(queries) }
    }

    /// What a one-shot statement of the pool came to.
    enum Leased {
        case rows(PostgresRows)
        /// The connection had died while it was unused; nothing was sent.
        case stale
    }

    /// ``query(_:)`` on a connection that comes from the pool.
    func leasedQuery(_ query: PostgresQuery) async throws(PostgresError) -> Leased {
        guard isAlive() else { return .stale }
        return .rows(try await self.query(query))
    }

    /// Whether the connection still stands, as far as can be seen from here.
    func isAlive() -> Bool {
        guard case .connected(let handle) = state else { return false }
        if handle.isAlive() { return true }
        close()
        return false
    }

    /// One attempt, and a second one when a prepared statement had become stale outside a transaction.
    func run(_ queries: [PostgresQuery]) throws(PostgresError) -> [PostgresRows] {
        try check(queries)
        return try perform { handle throws(PostgresError) in
            let isAlone = handle.transactionStatus == PQTRANS_IDLE && deferredBegin == nil
            do throws(PostgresError) {
                return try attempt(queries, on: handle)
            } catch {
                guard forgetStaleStatement(error, queries) else { throw error }
                guard isAlone else {
                    // The transaction has failed by it, and is as good as new when it is run again.
                    if let state = error.sqlState {
                        transactionFailure = TransactionFailure(sqlState: state, isRetryable: true)
                    }
                    throw error
                }
                return try attempt(queries, on: handle)
            }
        }
    }

    func check(_ queries: [PostgresQuery]) throws(PostgresError) {
        guard queries.count <= Self.maximumPipeline else {
            throw .limitExceeded("a pipeline of \(queries.count) statements; the limit is \(Self.maximumPipeline)")
        }
        for query in queries {
            guard query.binds.count <= Self.maximumParameters else {
                throw .limitExceeded("\(query.binds.count) parameters; the limit is \(Self.maximumParameters)")
            }
            guard query.binds.buffer.count < Self.maximumParameterBytes else {
                throw .limitExceeded("parameters of more than 1 GiB")
            }
        }
    }

    /// Drops what the server no longer has, or has for tables that have changed since; whether there was such a thing.
    private func forgetStaleStatement(_ error: PostgresError, _ queries: [PostgresQuery]) -> Bool {
        guard case .server(let failure) = error else { return false }
        switch failure.sqlState {
        case .invalidStatementName:
            statements.removeAll()
            return true
        case .featureNotSupported:
            // "cached plan must not change result type"
            guard let index = failure.pipelineIndex ?? (queries.count == 1 ? 0 : nil) else { return false }
            guard let name = statements.remove(Self.key(queries[index])) else { return false }
            obsolete.append(name)
            return true
        default:
            return false
        }
    }

    /// Forgets all prepared statements, because the server may have.
    func forgetStatements() {
        statements.removeAll()
        obsolete.removeAll()
    }

    static func key(_ query: PostgresQuery) -> StatementCache.Key {
        StatementCache.Key(sql: query.sql, types: query.binds.types)
    }

    private func attempt(
        _ queries: [PostgresQuery],
        on handle: ConnectionHandle
    ) throws(PostgresError) -> [PostgresRows] {
        var plan = PipelinePlan()
        if let begin = deferredBegin { plan.add(.control(begin), for: .begin) }
        for name in obsolete { plan.add(.control("DEALLOCATE \(name)"), for: .deallocate(name)) }
        for (index, query) in queries.enumerated() {
            plan.add(query, index: index, statements: &statements)
        }
        let outcomes = try handle.pipeline(plan.commands)
        return try collect(outcomes, plan, isPipeline: queries.count > 1)
    }

    /// Takes the outcomes into the connection's state, then gives back the rows or throws the first failure.
    private func collect(
        _ outcomes: [ConnectionHandle.Outcome],
        _ plan: PipelinePlan,
        isPipeline: Bool
    ) throws(PostgresError) -> [PostgresRows] {
        var rows: [PostgresRows] = []
        var failure: PostgresError?
        var mustForget = false
        for (outcome, purpose) in zip(outcomes, plan.purposes) {
            switch (outcome, purpose) {
            case (.succeeded, .begin): deferredBegin = nil
            case (.succeeded, .deallocate(let name)): obsolete.removeAll { $0 == name }
            case (.failed(let error), .deallocate(let name)):
                // It is gone already, which is what was wanted; but what came after it was skipped.
                obsolete.removeAll { $0 == name }
                failure = failure ?? error
            case (.succeeded, .prepare(let key, let name, _)): obsolete += statements.insert(key, name: name)
            case (.succeeded(let result), .execute):
                if result.dropsStatements { mustForget = true }
                rows.append(PostgresRows(result))
            case (.failed(let error), let purpose) where failure == nil:
                failure = isPipeline ? error.inPipeline(at: purpose.index) : error
            case (.failed, _), (.skipped, _): break
            }
        }
        if mustForget { forgetStatements() }
        if let failure { throw failure }
        return rows
    }
}

/// The commands that a list of statements becomes: what is not yet prepared is prepared first.
private struct PipelinePlan {
    enum Purpose {
        case begin
        case deallocate(String)
        case prepare(StatementCache.Key, String, index: Int)
        case execute(index: Int)

        /// Which of the caller's statements it serves.
        var index: Int? {
            switch self {
            case .begin, .deallocate: nil
            case .prepare(_, _, let index), .execute(let index): index
            }
        }
    }

    private(set) var commands: [ConnectionHandle.Command] = []
    private(set) var purposes: [Purpose] = []
    /// What this pipeline itself prepares.
    private var prepared: [StatementCache.Key: String] = [:]

    mutating func add(_ command: ConnectionHandle.Command, for purpose: Purpose) {
        commands.append(command)
        purposes.append(purpose)
    }

    mutating func add(_ query: PostgresQuery, index: Int, statements: inout StatementCache) {
        let key = PostgresConnection.key(query)
        let name: String
        if let known = statements.name(for: key) ?? prepared[key] {
            name = known
        } else {
            name = statements.newName()
            prepared[key] = name
            add(
                .prepare(name: name, sql: query.sql, types: key.types),
                for: .prepare(key, name, index: index)
            )
        }
        add(.execute(name: name, binds: query.binds), for: .execute(index: index))
    }
}

extension PostgresError {
    fileprivate func inPipeline(at index: Int?) -> PostgresError {
        guard case .server(var error) = self else { return self }
        error.pipelineIndex = index
        return .server(error)
    }
}
