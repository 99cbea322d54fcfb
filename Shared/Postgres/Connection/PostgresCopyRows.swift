/// The rows of a COPY in binary form, to be gone through once.
package struct PostgresCopyRows: AsyncSequence, Sendable {
    let stream: PostgresCopyStream

    package func makeAsyncIterator() -> Iterator {
        Iterator(stream.makeAsyncIterator())
    }

    package struct Iterator: AsyncIteratorProtocol {
        private var stream: PostgresCopyStream.Iterator
        private var decoder = PostgresCopyDecoder()

        init(_ stream: PostgresCopyStream.Iterator) {
            self.stream = stream
        }

        /// The next row; `nil` is the end.
        package mutating func next() async throws(PostgresError) -> PostgresCopyRow? {
            while true {
                if let row = try decoder.next() { return row }
                guard let piece = try await stream.next() else {
                    try decoder.finish()
                    return nil
                }
                decoder.append(piece)
            }
        }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(PostgresError) -> PostgresCopyRow? {
            try await next()
        }
    }
}

/// One row of a COPY in binary form.
///
/// It carries no types: a column is taken for what is asked for.
package struct PostgresCopyRow: Sendable {
    fileprivate let bytes: [UInt8]
    /// Where each column's bytes are; `nil` is NULL.
    fileprivate let ranges: [Range<Int>?]

    /// The first columns as these types, in order.
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

    private func decode<Value: PostgresDecodable>(_: Value.Type, at column: Int) throws(PostgresError) -> Value {
        guard ranges.indices.contains(column) else {
            throw .misuse("column \(column) was asked for; the row has \(ranges.count)")
        }
        guard let range = ranges[column] else {
            guard let null = Value.postgresNull else { throw failure(Value.self, column, "NULL", nil) }
            return null
        }
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(PostgresCellError) -> Value in
                let cell = UnsafeRawBufferPointer(rebasing: raw[range])
                return try Value(PostgresCell(type: Value.postgresType, bytes: cell))
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw failure(Value.self, column, "\(range.count) bytes", "\(error)")
        }
    }

    private func failure<Value: PostgresDecodable>(
        _: Value.Type,
        _ column: Int,
        _ found: String,
        _ reason: String?
    ) -> PostgresError {
        .decoding(
            PostgresDecodingFailure(
                column: "\(column)",
                expected: Value.postgresType.description,
                found: found,
                reason: reason
            )
        )
    }
}

/// Cuts the pieces of a COPY in binary form into rows; a row may be spread over pieces.
struct PostgresCopyDecoder {
    private var bytes: [UInt8] = []
    private var position = 0
    private var state = State.header

    private enum State {
        case header
        case rows
        case ended
    }

    /// Takes the next piece.
    mutating func append(_ piece: [UInt8]) {
        bytes.removeFirst(position)
        position = 0
        bytes += piece
    }

    /// The next row that is whole; `nil` asks for more.
    mutating func next() throws(PostgresError) -> PostgresCopyRow? {
        if state == .header {
            guard bytes.count >= PostgresCopyFormat.header.count else { return nil }
            let signature = PostgresCopyFormat.signatureLength
            guard bytes.starts(with: PostgresCopyFormat.header.prefix(signature)) else { throw malformed("signature") }
            let extensionStart = signature + 4
            guard let length = integer(Int32.self, at: extensionStart), length >= 0 else { throw malformed("header") }
            position = extensionStart + 4 + Int(length)
            guard position <= bytes.count else {
                position = 0
                return nil
            }
            state = .rows
        }
        guard state == .rows, let count = integer(Int16.self, at: position) else { return nil }
        guard count >= 0 else {
            state = .ended
            return nil
        }
        return try row(columns: Int(count))
    }

    /// Checks that the data came to their end.
    func finish() throws(PostgresError) {
        guard state == .ended else { throw malformed("end") }
    }

    private mutating func row(columns: Int) throws(PostgresError) -> PostgresCopyRow? {
        let start = position
        var end = position + 2
        var ranges: [Range<Int>?] = []
        ranges.reserveCapacity(columns)
        for _ in 0..<columns {
            guard let length = integer(Int32.self, at: end) else { return nil }
            end += 4
            guard length >= 0 else {
                guard length == -1 else { throw malformed("length of a field") }
                ranges.append(nil)
                continue
            }
            guard end + Int(length) <= bytes.count else { return nil }
            ranges.append(end - start..<end - start + Int(length))
            end += Int(length)
        }
        position = end
        return PostgresCopyRow(bytes: Array(bytes[start..<end]), ranges: ranges)
    }

    private func integer<Integer: FixedWidthInteger>(_: Integer.Type, at offset: Int) -> Integer? {
        guard offset + MemoryLayout<Integer>.size <= bytes.count else { return nil }
        return bytes.withUnsafeBytes { Integer(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: Integer.self)) }
    }

    private func malformed(_ part: String) -> PostgresError {
        .misuse("the data of a COPY in binary form have no valid \(part)")
    }
}
