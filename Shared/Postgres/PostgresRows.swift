// Public, as all that a value of a column or a parameter is made of, although only this package uses it: of what is
// less than public the compiler makes no code for the types of other modules, and this is done for every value.

/// The rows that a statement gave, kept as libpq received them; a value is decoded when it is asked for.
public struct PostgresRows: Sendable, RandomAccessCollection {
    let result: ResultHandle
    public let count: Int

    init(_ result: ResultHandle) {
        self.result = result
        count = result.rowCount
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < count, "row out of range")
        return PostgresRow(result: result, index: position)
    }

    /// How many rows the statement inserted, changed, deleted or read.
    public var affected: Int { result.affected }
}

/// One row, which keeps the result that it is part of alive.
public struct PostgresRow: Sendable {
    let result: ResultHandle
    let index: Int

    /// The first columns as these types, in order: `let (id, seq) = try row.decode(String.self, Int64?.self)`.
    package func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresError) -> (repeat each Value) {
        var column = -1
        func next<Next: PostgresDecodable>(_: Next.Type) throws(PostgresError) -> Next {
            column += 1
            return try decode(Next.self, at: column)
        }
        return (repeat try next((each Value).self))
    }

    /// The first column.
    ///
    /// Not left to the packs, because the compiler does not take their tuple of one for its element.
    public func decode<Value: PostgresDecodable>(_ type: Value.Type) throws(PostgresError) -> Value {
        try decode(type, at: 0)
    }

    /// One column, by its place.
    public func decode<Value: PostgresDecodable>(
        _ type: Value.Type,
        at column: Int
    ) throws(PostgresError) -> Value {
        guard let cell = try cell(at: column) else {
            guard let null = Value.postgresNull else { throw failure(Value.self, column, found: "NULL", nil) }
            return null
        }
        do throws(PostgresCellError) {
            return try Value(cell)
        } catch {
            let reason: String? =
                switch error {
                case .typeMismatch: nil
                case .outOfRange: "the value is out of range of \(Value.self)"
                case .malformed(let text): "the value is malformed: \(text)"
                }
            throw failure(Value.self, column, found: cell.type.description, reason)
        }
    }

    /// Whether the column is NULL.
    public func isNull(_ column: Int) throws(PostgresError) -> Bool {
        try cell(at: column) == nil
    }

    /// A column's bytes in one copy (of `jsonb`: its text); `nil` is NULL.
    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        try decode([UInt8]?.self, at: column)
    }

    /// Lends a column's bytes (of `jsonb`: its text) without a copy; `nil` is NULL.
    public func withBytes<Value, Failure: Error>(
        _ column: Int,
        _ body: (Span<UInt8>?) throws(Failure) -> Value
    ) throws -> Value {
        guard var cell = try cell(at: column) else { return try body(nil) }
        if cell.type == .jsonb { cell = try PostgresJSON.text(of: cell) }
        // The result outlives the closure: the row holds it.
        let bytes = cell.bytes.bindMemory(to: UInt8.self)
        return try withExtendedLifetime(result) { () throws(Failure) -> Value in try body(bytes.span) }
    }

    private func cell(at column: Int) throws(PostgresError) -> PostgresCell? {
        guard column < result.columnCount else {
            throw .misuse("column \(column) was asked for; the row has \(result.columnCount)")
        }
        return result.cell(row: index, column: column)
    }

    private func failure<Value: PostgresDecodable>(
        _: Value.Type,
        _ column: Int,
        found: String,
        _ reason: String?
    ) -> PostgresError {
        .decoding(
            PostgresDecodingFailure(
                column: result.columnName(column),
                expected: Value.postgresType.description,
                found: found,
                reason: reason
            )
        )
    }
}
