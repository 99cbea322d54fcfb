import CPostgres

/// Streams and COPY span several calls: an exchange. Whatever is called next ends one that was left unfinished.
extension PostgresConnection {
    /// How an exchange's answer ends: a pipeline's with its mark, a simple query's with its last result.
    enum ExchangeKind {
        case pipeline
        case simple
    }

    /// Starts an exchange; its number is what its later calls show.
    func startExchange(
        _ kind: ExchangeKind,
        _ start: (ConnectionHandle) throws(PostgresError) -> Void
    ) throws(PostgresError) -> UInt64 {
        try perform { handle throws(PostgresError) in
            try sendDeferredBegin(handle)
            exchange += 1
            exchangeKind = kind
            do throws(PostgresError) {
                try start(handle)
            } catch {
                if !handle.isBroken { try drain(handle) }
                throw error
            }
            isExchanging = true
            return exchange
        }
    }

    /// Goes on with an exchange, when it is still the present one.
    func continueExchange<Value>(
        _ number: UInt64,
        _ body: (ConnectionHandle) throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        try await interruptible { () throws(PostgresError) -> Value in
            let handle = try handle()
            guard isExchanging, exchange == number else {
                throw .misuse("the connection has been used for something else; the stream has ended")
            }
            defer { updateCleanliness() }
            handle.begin(limit: limit, interruptible: true)
            do throws(PostgresError) {
                return try body(handle)
            } catch {
                note(error, handle)
                // What is left of the answer is read away; the connection can then be used again.
                isExchanging = false
                if !handle.isBroken { try? drain(handle) }
                throw error
            }
        }
    }

    /// Notes that the exchange has come to its end.
    func finishExchange() {
        isExchanging = false
    }

    /// Ends an exchange that was abandoned: the server is told to stop, and what it still sends is dropped.
    func endExchange(_ handle: ConnectionHandle) throws(PostgresError) {
        guard isExchanging else { return }
        isExchanging = false
        handle.begin(limit: limit, interruptible: false)
        guard handle.sendCancel() else {
            close()
            throw .connectionLost("the server did not answer a cancel request")
        }
        try drain(handle)
    }

    private func drain(_ handle: ConnectionHandle) throws(PostgresError) {
        while true {
            guard let result = try handle.nextResult() else {
                if exchangeKind == .simple { return }
                continue
            }
            switch result.status {
            case PGRES_COPY_IN: try handle.endCopyIn(failure: "abandoned")
            case PGRES_COPY_OUT: while try handle.copyData() != nil {}
            case PGRES_PIPELINE_SYNC: return
            case PGRES_FATAL_ERROR:
                let error = handle.error(of: result)
                if handle.isBroken { throw error }
            default: break
            }
        }
    }
}
