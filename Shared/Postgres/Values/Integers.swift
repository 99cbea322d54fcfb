/// What all integers share: any integer column is read when its value fits.
private func decodeInteger<Integer: FixedWidthInteger>(_ cell: PostgresCell) throws(PostgresCellError) -> Integer {
    let value: Integer?
    switch cell.type {
    case .int2: value = Integer(exactly: try cell.integer(as: Int16.self))
    case .int4: value = Integer(exactly: try cell.integer(as: Int32.self))
    case .int8: value = Integer(exactly: try cell.integer(as: Int64.self))
    case .oid: value = Integer(exactly: try cell.integer(as: UInt32.self))
    case .numeric: value = Integer(try PostgresNumeric(cell).text)
    default: throw .typeMismatch
    }
    guard let value else { throw .outOfRange }
    return value
}

extension Int16: PostgresScalar {
    public static let postgresType = PostgresType.int2
    public static let postgresArrayType = PostgresType.int2Array

    public init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int32: PostgresScalar {
    public static let postgresType = PostgresType.int4
    public static let postgresArrayType = PostgresType.int4Array

    public init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int64: PostgresScalar {
    public static let postgresType = PostgresType.int8
    public static let postgresArrayType = PostgresType.int8Array

    public init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int: PostgresScalar {
    public static let postgresType = PostgresType.int8
    public static let postgresArrayType = PostgresType.int8Array

    public init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(Int64(self)) }
}
