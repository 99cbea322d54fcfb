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

    /// The next piece of a COPY; `nil` is the end.
    func nextCopyData(_ number: UInt64) async throws(PostgresError) -> [UInt8]? {
        try await continueExchange(number) { handle throws(PostgresError) in
            guard var piece = try handle.copyData() else {
                try handle.drainResults()
                finishExchange()
                return nil
            }
            while piece.count < PostgresCopyStream.pieceSize {
                guard let more = try handle.copyData() else { break }
                piece += more
            }
            return piece
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
            let piece = try await connection.nextCopyData(exchange)
            isAtEnd = piece == nil
            return piece
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(PostgresError) -> [UInt8]? {
            try await next()
        }
    }
}
