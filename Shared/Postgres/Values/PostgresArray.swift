/// A type that arrays of can be parameters and columns.
///
/// `UInt8` is one although it is no value by itself: an array of it is a `bytea`.
package protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ values: [Self], into buffer: inout PostgresBuffer)
    static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [Self]
}

/// A value that stands in one field and may be an array's element.
package protocol PostgresScalar: PostgresDecodable, PostgresEncodable, PostgresArrayElement {}

extension PostgresArrayElement where Self: PostgresDecodable & PostgresEncodable {
    @inlinable package static func encodeArray(_ values: [Self], into buffer: inout PostgresBuffer) {
        PostgresArrayFormat.encode(values, into: &buffer)
    }

    @inlinable package static func decodeArray(_ cell: PostgresCell) throws(PostgresCellError) -> [Self] {
        try PostgresArrayFormat.decode(cell)
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresScalar {
    package static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}

extension Array: PostgresTyped where Element: PostgresArrayElement {
    package static var postgresType: PostgresType { Element.postgresArrayType }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package func encode(into buffer: inout PostgresBuffer) {
        Element.encodeArray(self, into: &buffer)
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package init(_ cell: PostgresCell) throws(PostgresCellError) {
        self = try Element.decodeArray(cell)
    }
}

/// The binary form of one-dimensional arrays (`array_send` and `array_recv` in PostgreSQL's `arrayfuncs.c`):
/// dimensions, whether there are NULLs, the elements' type, then length and lower bound, then the elements.
package enum PostgresArrayFormat {
    @inlinable
    package static func encode<Element: PostgresEncodable>(_ values: [Element?], into buffer: inout PostgresBuffer) {
        appendHeader(values.count, hasNulls: values.contains { $0 == nil }, Element.postgresType, to: &buffer)
        for value in values {
            if let value { buffer.appendField(value) } else { buffer.appendNull() }
        }
    }

    @inlinable
    package static func encode<Element: PostgresEncodable>(_ values: [Element], into buffer: inout PostgresBuffer) {
        // A closure and not a key path, which in generic code is made anew each time.
        appendHeader(values.count, hasNulls: values.contains { $0.isPostgresNull }, Element.postgresType, to: &buffer)
        for value in values { buffer.appendField(value) }
    }

    package static func appendHeader(
        _ count: Int,
        hasNulls: Bool,
        _ type: PostgresType,
        to buffer: inout PostgresBuffer
    ) {
        buffer.append(Int32(count == 0 ? 0 : 1))
        buffer.append(Int32(hasNulls ? 1 : 0))
        buffer.append(type.rawValue)
        guard count > 0 else { return }
        buffer.append(Int32(clamping: count))
        buffer.append(Int32(1))
    }

    package static func decode<Element: PostgresDecodable>(_ cell: PostgresCell) throws(PostgresCellError) -> [Element]
    {
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
