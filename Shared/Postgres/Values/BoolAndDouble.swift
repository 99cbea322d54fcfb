extension Bool: PostgresScalar {
    public static let postgresType = PostgresType.bool
    public static let postgresArrayType = PostgresType.boolArray

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        guard cell.type == .bool else { throw .typeMismatch }
        self = try cell.integer(as: UInt8.self) != 0
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(UInt8(self ? 1 : 0))
    }
}

extension Double: PostgresScalar {
    public static let postgresType = PostgresType.float8
    public static let postgresArrayType = PostgresType.float8Array

    /// Reads `float8`, `float4` and, to the nearest double, `numeric`.
    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        switch cell.type {
        case .float8: self = Double(bitPattern: try cell.integer())
        case .float4: self = Double(Float(bitPattern: try cell.integer()))
        case .numeric:
            guard let value = Double(try PostgresNumeric(cell).text) else { throw .outOfRange }
            self = value
        default: throw .typeMismatch
        }
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(bitPattern)
    }
}
