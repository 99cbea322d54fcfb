import CPostgres

extension ConnectionHandle {
    /// One command of a pipeline.
    enum Command {
        /// A statement without parameters and rows that is sent as it is: `BEGIN`, `DEALLOCATE`.
        case control(String)
        case prepare(name: String, sql: String, types: [PostgresType])
        case execute(name: String, binds: PostgresBinds)
    }

    /// What became of one command.
    enum Outcome {
        case succeeded(ResultHandle)
        case failed(PostgresError)
        /// Skipped because one before it failed.
        case skipped
    }

    /// Sends all commands, then reads all answers: one round trip, one implicit transaction.
    ///
    /// Throws when the connection itself is at fault; a command's failure is its outcome.
    func pipeline(_ commands: [Command]) throws(PostgresError) -> [Outcome] {
        try sendPipeline(commands)
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(commands.count)
        for _ in commands { outcomes.append(try nextOutcomeOfPipeline()) }
        guard let sync = try nextResult(), sync.status == PGRES_PIPELINE_SYNC else { throw broken() }
        return outcomes
    }

    /// Leaves pipeline mode, for COPY, scripts and streams.
    func leavePipeline() throws(PostgresError) {
        guard PQpipelineStatus(connection) != PQ_PIPELINE_OFF else { return }
        try check(PQexitPipelineMode(connection))
    }

    /// Queues all commands and the mark at which the server answers; their outcomes are to be read.
    func sendPipeline(_ commands: [Command]) throws(PostgresError) {
        if PQpipelineStatus(connection) == PQ_PIPELINE_OFF { try check(PQenterPipelineMode(connection)) }
        for command in commands { try send(command) }
        try check(PQpipelineSync(connection))
    }

    /// Reads the outcome of the next command of the pipeline.
    func nextOutcomeOfPipeline() throws(PostgresError) -> Outcome {
        guard let result = try nextResult() else { throw broken() }
        let outcome: Outcome
        switch result.status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: outcome = .succeeded(result)
        case PGRES_PIPELINE_ABORTED: outcome = .skipped
        case PGRES_FATAL_ERROR:
            let error = error(of: result)
            guard !isBroken else { throw error }
            outcome = .failed(error)
        default:
            // COPY cannot be done in a pipeline, and libpq has no way back.
            _ = broken()
            throw .misuse("COPY is not a query; use copyIn or copyOut")
        }
        while let extra = try nextResult() {
            if extra.status == PGRES_FATAL_ERROR { throw error(of: extra) }
        }
        return outcome
    }

    private func send(_ command: Command) throws(PostgresError) {
        switch command {
        case .control(let sql):
            try check(PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 1))
        case .prepare(let name, let sql, let types):
            let types = types.map(\.rawValue)
            try check(PQsendPrepare(connection, name, sql, Int32(types.count), types))
        case .execute(let name, let binds):
            try send(name: name, binds: binds)
        }
    }

    /// `PQsendQueryPrepared`, all values and results in binary.
    func send(name: String, binds: PostgresBinds) throws(PostgresError) {
        let count = binds.count
        guard count > 0 else { return try check(PQsendQueryPrepared(connection, name, 0, nil, nil, nil, 1)) }
        var lengths = [Int32](repeating: 0, count: count)
        let formats = [Int32](repeating: 1, count: count)
        let sent = binds.buffer.bytes.withUnsafeBytes { bytes -> Int32 in
            // An empty value is told from NULL by its pointer alone.
            let empty = UnsafePointer<CChar>(bitPattern: 1)
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var values = [UnsafePointer<CChar>?](repeating: nil, count: count)
            for (index, range) in binds.ranges.enumerated() {
                guard let range else { continue }
                lengths[index] = Int32(clamping: range.count)
                values[index] = range.isEmpty ? empty : base.map { $0 + range.lowerBound }
            }
            return PQsendQueryPrepared(connection, name, Int32(count), values, lengths, formats, 1)
        }
        try check(sent)
    }
}
