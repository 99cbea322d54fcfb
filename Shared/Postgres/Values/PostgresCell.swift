/// One value of a row in binary form, lent for the time of a decoding call.
public struct PostgresCell {
    /// The column's type.
    public let type: PostgresType
    let bytes: UnsafeRawBufferPointer

    /// A big-endian integer that must fill the cell.
    func integer<Integer: FixedWidthInteger>(
        as _: Integer.Type = Integer.self
    ) throws(PostgresCellError) -> Integer {
        guard bytes.count == MemoryLayout<Integer>.size else {
            throw .malformed("\(bytes.count) bytes where \(MemoryLayout<Integer>.size) are due")
        }
        return Integer(bigEndian: bytes.loadUnaligned(as: Integer.self))
    }

    /// The cell without its first `count` bytes.
    func dropFirst(_ count: Int) -> PostgresCell {
        PostgresCell(type: type, bytes: UnsafeRawBufferPointer(rebasing: bytes.dropFirst(count)))
    }
}

/// Why one cell could not become the wanted Swift value; a row adds which column it was.
public enum PostgresCellError: Error, Equatable {
    /// The column's type has no meaning as the wanted Swift type.
    case typeMismatch
    /// The value does not fit the Swift type.
    case outOfRange
    /// The bytes are not what the type prescribes.
    case malformed(String)
}

/// Reads the parts of a composite binary value one after the other, and never beyond its end.
struct PostgresCellReader {
    private var rest: UnsafeRawBufferPointer

    init(_ cell: PostgresCell) {
        rest = cell.bytes
    }

    mutating func integer<Integer: FixedWidthInteger>(
        as _: Integer.Type = Integer.self
    ) throws(PostgresCellError) -> Integer {
        Integer(bigEndian: try take(MemoryLayout<Integer>.size).loadUnaligned(as: Integer.self))
    }

    /// The next field with its length before it; `nil` is NULL.
    mutating func field(of type: PostgresType) throws(PostgresCellError) -> PostgresCell? {
        let length = Int(try integer(as: Int32.self))
        guard length >= 0 else { return nil }
        return PostgresCell(type: type, bytes: try take(length))
    }

    private mutating func take(_ count: Int) throws(PostgresCellError) -> UnsafeRawBufferPointer {
        guard count <= rest.count else { throw .malformed("it ends early") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count)) }
        return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
    }
}
