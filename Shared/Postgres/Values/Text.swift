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

/// Text that is at hand as UTF-8 bytes and needs no `String` in between.
///
/// The server checks that the bytes are UTF-8 without zero bytes (SQLSTATE 22021).
public struct PostgresText: PostgresScalar, Hashable {
    public static let postgresType = PostgresType.text
    public static let postgresArrayType = PostgresType.textArray

    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        if cell.type == .jsonb {
            bytes = Array(try PostgresJSON.text(of: cell).bytes)
        } else {
            guard cell.type.isText else { throw .typeMismatch }
            bytes = Array(cell.bytes)
        }
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: bytes)
    }
}
