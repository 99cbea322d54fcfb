extension UInt8: PostgresArrayElement {
    public static let postgresArrayType = PostgresType.bytea

    public static func encodeArray(_ values: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: values)
    }

    /// Reads `bytea`, and the bytes of text and JSON.
    public static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [UInt8] {
        if cell.type == .jsonb { return Array(try PostgresJSON.text(of: cell).bytes) }
        guard cell.type == .bytea || cell.type.isText else { throw .typeMismatch }
        return Array(cell.bytes)
    }
}

extension Array: PostgresArrayElement where Element == UInt8 {
    public static var postgresArrayType: PostgresType { .byteaArray }
}

extension Array: PostgresScalar where Element == UInt8 {}
