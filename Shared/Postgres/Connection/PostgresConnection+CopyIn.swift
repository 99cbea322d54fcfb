import CPostgres

extension PostgresConnection {
    /// Loads data with a `COPY … FROM STDIN`, which `body` writes piece by piece; how many rows were loaded.
    ///
    /// When `body` throws, nothing of it is loaded. For rows in binary form see ``copyIn(into:columns:_:)``.
    @discardableResult
    package nonisolated func copyIn(
        _ query: PostgresQuery,
        _ body: (inout PostgresCopyWriter) async throws -> Void
    ) async throws -> Int {
        let exchange = try await startCopyIn(query)
        var writer = PostgresCopyWriter(connection: self, exchange: exchange)
        do {
            try await body(&writer)
            try await writer.flush()
        } catch {
            await abandonCopyIn(exchange)
            throw error
        }
        return try await endCopyIn(exchange)
    }

    /// Loads rows into the columns of a table in binary form, the fastest way in; how many there were.
    ///
    ///     try await connection.copyIn(into: "parts", columns: ["id", "name"]) { writer in
    ///         try await writer.write(row: part.id, part.name)
    ///     }
    ///
    /// The values' types must be the columns': nothing is converted on the way.
    @discardableResult
    package nonisolated func copyIn(
        into table: String,
        columns: [String],
        _ body: (inout PostgresCopyWriter) async throws -> Void
    ) async throws -> Int {
        let names = columns.map(PostgresQuery.quoted(identifier:)).joined(separator: ", ")
        let query: PostgresQuery = "COPY \(identifier: table) (\(unescaped: names)) FROM STDIN (FORMAT binary)"
        return try await copyIn(query) { writer in
            writer.appendBinaryHeader()
            try await body(&writer)
            writer.appendBinaryTrailer()
        }
    }

    private func startCopyIn(_ query: PostgresQuery) async throws(PostgresError) -> UInt64 {
        guard query.binds.count == 0 else { throw .misuse("COPY takes no parameters") }
        return try await interruptible { () throws(PostgresError) -> UInt64 in
            try startExchange(.simple) { handle throws(PostgresError) in
                try handle.startCopy(query.sql, expecting: PGRES_COPY_IN)
            }
        }
    }

    func putCopyData(_ bytes: [UInt8], _ exchange: UInt64) async throws(PostgresError) {
        try await continueExchange(exchange) { handle throws(PostgresError) in
            try handle.putCopyData(bytes)
        }
    }

    private func endCopyIn(_ exchange: UInt64) async throws(PostgresError) -> Int {
        try await continueExchange(exchange) { handle throws(PostgresError) in
            try handle.endCopyIn(failure: nil)
            let count = try handle.drainResults().affected
            finishExchange()
            return count
        }
    }

    /// Ends a COPY without effect; what the server says to that is not asked.
    private func abandonCopyIn(_ number: UInt64) {
        guard isExchanging, exchange == number, case .connected(let handle) = state else { return }
        defer { updateCleanliness() }
        isExchanging = false
        handle.begin(limit: limit, interruptible: false)
        do throws(PostgresError) {
            try handle.endCopyIn(failure: "the writer gave up")
            try handle.drainResults()
        } catch {
            note(error, handle)
        }
    }
}

/// Writes the data of a COPY; sends them in pieces, and waits while the server is behind.
package struct PostgresCopyWriter {
    /// How many bytes are gathered for one visit to the connection's thread.
    private static let pieceSize = 128 << 10

    private let connection: PostgresConnection
    private let exchange: UInt64
    private var buffer = PostgresBuffer()

    init(connection: PostgresConnection, exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    /// Writes bytes in the format that the COPY named; a piece need not end with a row.
    package mutating func write(_ bytes: some Sequence<UInt8>) async throws(PostgresError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.pieceSize { try await flush() }
    }

    /// Writes one row in binary form.
    package mutating func write<each Value: PostgresEncodable>(
        row values: repeat each Value
    ) async throws(PostgresError) {
        var count: Int16 = 0
        for _ in repeat each values { count += 1 }
        buffer.append(count)
        for value in repeat each values { buffer.appendField(value) }
        if buffer.count >= Self.pieceSize { try await flush() }
    }

    mutating func flush() async throws(PostgresError) {
        guard buffer.count > 0 else { return }
        try await connection.putCopyData(buffer.take(), exchange)
    }

    mutating func appendBinaryHeader() {
        buffer.append(contentsOf: PostgresCopyFormat.header)
    }

    mutating func appendBinaryTrailer() {
        buffer.append(Int16(-1))
    }
}

/// The frame of COPY's binary format: <https://www.postgresql.org/docs/current/sql-copy.html>.
enum PostgresCopyFormat {
    /// The signature, no flags, no extension.
    static let header: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)
    /// The length of signature and flags, before the extension's length.
    static let signatureLength = 11
}
