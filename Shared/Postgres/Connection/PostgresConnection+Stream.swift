import CPostgres

extension PostgresConnection {
    /// Runs a statement and gives its rows as they come, in memory that does not grow with their number.
    ///
    /// The server is held back when the rows are not asked for. The connection is the stream's until its end; using
    /// it otherwise ends the stream. The server's statement time-out counts up to the last row: for a long stream
    /// call ``limitStatements(to:)`` in a transaction.
    package func stream(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRowStream {
        let number = try await interruptible { () throws(PostgresError) -> UInt64 in
            try check([query])
            return try startExchange(.pipeline) { handle throws(PostgresError) in
                try startStream(query, on: handle)
            }
        }
        return PostgresRowStream(connection: self, exchange: number)
    }

    /// Sends the statement and sets single-row mode, which libpq takes once what comes before it has been read.
    ///
    /// In pipeline mode also for a single statement: outside it, libpq 15 carries the mode over to the next pipeline.
    private func startStream(_ query: PostgresQuery, on handle: ConnectionHandle) throws(PostgresError) {
        let key = Self.key(query)
        let known = statements.name(for: key)
        let name = known ?? statements.newName()
        var commands: [ConnectionHandle.Command] = []
        if known == nil { commands.append(.prepare(name: name, sql: query.sql, types: key.types)) }
        commands.append(.execute(name: name, binds: query.binds))
        try handle.sendPipeline(commands)
        if known == nil {
            if case .failed(let error) = try handle.nextOutcomeOfPipeline() { throw error }
            obsolete += statements.insert(key, name: name)
        }
        guard PQsetSingleRowMode(handle.connection) == 1 else { throw handle.broken() }
    }

    /// The next rows of a stream, as many as one batch holds; none is the end.
    func nextRows(_ number: UInt64) async throws(PostgresError) -> [PostgresRow] {
        try await continueExchange(number) { handle throws(PostgresError) in
            var rows: [PostgresRow] = []
            while rows.count < PostgresRowStream.batchSize {
                guard let result = try handle.nextResult() else { continue }
                switch result.status {
                case PGRES_SINGLE_TUPLE: rows.append(PostgresRow(result: result, index: 0))
                case PGRES_TUPLES_OK, PGRES_COMMAND_OK: continue
                case PGRES_PIPELINE_SYNC:
                    finishExchange()
                    return rows
                case PGRES_FATAL_ERROR: throw handle.error(of: result)
                default:
                    _ = handle.broken()
                    throw .misuse("COPY is not a query; use copyIn or copyOut")
                }
            }
            return rows
        }
    }
}

/// The rows of ``PostgresConnection/stream(_:)``, to be gone through once.
package struct PostgresRowStream: AsyncSequence, Sendable {
    /// How many rows one visit to the connection's thread brings.
    static let batchSize = 256

    let connection: PostgresConnection
    let exchange: UInt64

    package func makeAsyncIterator() -> Iterator {
        Iterator(connection: connection, exchange: exchange)
    }

    package struct Iterator: AsyncIteratorProtocol {
        let connection: PostgresConnection
        let exchange: UInt64
        private var batch: ArraySlice<PostgresRow> = []
        private var isAtEnd = false

        init(connection: PostgresConnection, exchange: UInt64) {
            self.connection = connection
            self.exchange = exchange
        }

        /// The next row; `nil` is the end.
        package mutating func next() async throws(PostgresError) -> PostgresRow? {
            if let row = batch.popFirst() { return row }
            guard !isAtEnd else { return nil }
            batch = try await connection.nextRows(exchange)[...]
            // Only the last batch is short.
            isAtEnd = batch.count < PostgresRowStream.batchSize
            return batch.popFirst()
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(PostgresError) -> PostgresRow? {
            try await next()
        }
    }
}
