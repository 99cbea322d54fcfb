/// A type that arrays of can be parameters and columns.
///
/// `UInt8` is one although it is no value by itself: an array of it is a `bytea`.
public protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ values: [Self], into buffer: inout PostgresBuffer)
    static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [Self]
}

/// A value that stands in one field and may be an array's element.
public protocol PostgresScalar: PostgresDecodable, PostgresEncodable, PostgresArrayElement {}

extension PostgresArrayElement where Self: PostgresDecodable & PostgresEncodable {
    public static func encodeArray(_ values: [Self], into buffer: inout PostgresBuffer) {
        PostgresArrayFormat.encode(values, into: &buffer)
    }

    public static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [Self] {
        try PostgresArrayFormat.decode(cell)
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresScalar {
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}

extension Array: PostgresTyped where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.postgresArrayType }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    public func encode(into buffer: inout PostgresBuffer) {
        Element.encodeArray(self, into: &buffer)
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        self = try Element.decodeArray(cell)
    }
}

/// The binary form of one-dimensional arrays (`array_send` and `array_recv` in PostgreSQL's `arrayfuncs.c`):
/// dimensions, whether there are NULLs, the elements' type, then length and lower bound, then the elements.
private enum PostgresArrayFormat {
    static func encode<Element: PostgresEncodable>(_ values: [Element], into buffer: inout PostgresBuffer) {
        buffer.append(Int32(values.isEmpty ? 0 : 1))
        // A closure and not a key path, which in generic code is made anew each time.
        buffer.append(Int32(values.contains { $0.isPostgresNull } ? 1 : 0))
        buffer.append(Element.postgresType.rawValue)
        guard !values.isEmpty else { return }
        buffer.append(Int32(clamping: values.count))
        buffer.append(Int32(1))
        for value in values { buffer.appendField(value) }
    }

    static func decode<Element: PostgresDecodable>(_ cell: PostgresCell) throws(PostgresCellError) -> [Element] {
        // The shortest value is an array's header; a scalar's bytes could be mistaken for one.
        guard cell.type.isArray else { throw .typeMismatch }
        var reader = PostgresCellReader(cell)
        let dimensions: Int32 = try reader.integer()
        _ = try reader.integer(as: Int32.self)
        let type = PostgresType(rawValue: try reader.integer())
        guard dimensions > 0 else { return [] }
        guard dimensions == 1 else { throw .malformed("an array of \(dimensions) dimensions") }
        let count: Int32 = try reader.integer()
        _ = try reader.integer(as: Int32.self)
        var values: [Element] = []
        values.reserveCapacity(min(Int(max(0, count)), cell.bytes.count / 4))
        for _ in 0..<max(0, count) {
            if let field = try reader.field(of: type) {
                values.append(try Element(field))
            } else if let null = Element.postgresNull {
                values.append(null)
            } else {
                throw .malformed("NULL among the elements")
            }
        }
        return values
    }
}
