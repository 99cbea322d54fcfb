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
    package static let postgresType = PostgresType.int2
    package static let postgresArrayType = PostgresType.int2Array

    package init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    package func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int32: PostgresScalar {
    package static let postgresType = PostgresType.int4
    package static let postgresArrayType = PostgresType.int4Array

    package init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    package func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int64: PostgresScalar {
    package static let postgresType = PostgresType.int8
    package static let postgresArrayType = PostgresType.int8Array

    package init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    package func encode(into buffer: inout PostgresBuffer) { buffer.append(self) }
}

extension Int: PostgresScalar {
    package static let postgresType = PostgresType.int8
    package static let postgresArrayType = PostgresType.int8Array

    package init(_ cell: PostgresCell) throws(PostgresCellError) { self = try decodeInteger(cell) }
    package func encode(into buffer: inout PostgresBuffer) { buffer.append(Int64(self)) }
}
