extension String: PostgresScalar {
    public static let postgresType = PostgresType.text
    public static let postgresArrayType = PostgresType.textArray

    /// Reads text types, JSON, enums and, exactly, `numeric`.
    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        switch cell.type {
        case .numeric: self = try PostgresNumeric(cell).text
        case .jsonb: self = String(decoding: try PostgresJSON.text(of: cell).bytes, as: UTF8.self)
        case let type where type.isText: self = String(decoding: cell.bytes, as: UTF8.self)
        default: throw .typeMismatch
        }
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: utf8)
    }
}
