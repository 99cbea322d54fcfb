extension UInt8: PostgresArrayElement {
    package static let postgresArrayType = PostgresType.bytea

    package static func encodeArray(_ values: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: values)
    }

    /// Reads `bytea`, and the bytes of text and JSON.
    package static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [UInt8] {
        if cell.type == .jsonb { return Array(try PostgresJSON.text(of: cell).bytes) }
        guard cell.type == .bytea || cell.type.isText else { throw .typeMismatch }
        return Array(cell.bytes)
    }
}

extension Array: PostgresArrayElement where Element == UInt8 {
    package static var postgresArrayType: PostgresType { .byteaArray }
}

extension Array: PostgresScalar where Element == UInt8 {}
