import CPostgres

extension PostgresConnection {
    /// Unloads data with a `COPY … TO STDOUT`, as bytes in the format that it names, in pieces of some rows each.
    package func copyOut(_ query: PostgresQuery) async throws(PostgresError) -> PostgresCopyStream {
        guard query.binds.count == 0 else { throw .misuse("COPY takes no parameters") }
        let number = try await interruptible { () throws(PostgresError) -> UInt64 in
            try startExchange(.simple) { handle throws(PostgresError) in
                try handle.startCopy(query.sql, expecting: PGRES_COPY_OUT)
            }
        }
        return PostgresCopyStream(connection: self, exchange: number)
    }

    /// Unloads the rows of a query in binary form; they are decoded by the types that are asked for.
    package func copyOut(rowsOf query: PostgresQuery) async throws(PostgresError) -> PostgresCopyRows {
        guard query.binds.count == 0 else { throw .misuse("COPY takes no parameters") }
        let copy = PostgresQuery(unescaped: "COPY (\(query.sql)) TO STDOUT (FORMAT binary)")
        return PostgresCopyRows(stream: try await copyOut(copy))
    }

    /// The next piece of a COPY, and whether it is the last.
    ///
    /// The end is read once: libpq has no COPY any more when it is asked again.
    func nextCopyData(_ number: UInt64) async throws(PostgresError) -> (piece: [UInt8], isLast: Bool) {
        try await continueExchange(number) { handle throws(PostgresError) in
            var piece: [UInt8] = []
            while piece.count < PostgresCopyStream.pieceSize {
                guard let more = try handle.copyData() else {
                    try handle.drainResults()
                    finishExchange()
                    return (piece, true)
                }
                piece += more
            }
            return (piece, false)
        }
    }
}

/// The data of a COPY, to be gone through once.
package struct PostgresCopyStream: AsyncSequence, Sendable {
    /// How many bytes one visit to the connection's thread brings at least, when there are as many.
    static let pieceSize = 128 << 10

    let connection: PostgresConnection
    let exchange: UInt64

    package func makeAsyncIterator() -> Iterator {
        Iterator(connection: connection, exchange: exchange)
    }

    package struct Iterator: AsyncIteratorProtocol {
        let connection: PostgresConnection
        let exchange: UInt64
        private var isAtEnd = false

        init(connection: PostgresConnection, exchange: UInt64) {
            self.connection = connection
            self.exchange = exchange
        }

        /// The next piece; `nil` is the end.
        package mutating func next() async throws(PostgresError) -> [UInt8]? {
            guard !isAtEnd else { return nil }
            let (piece, isLast) = try await connection.nextCopyData(exchange)
            isAtEnd = isLast
            return piece.isEmpty ? nil : piece
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(PostgresError) -> [UInt8]? {
            try await next()
        }
    }
}
