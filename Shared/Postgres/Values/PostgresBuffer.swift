/// Bytes being written in PostgreSQL's binary form: integers in network order.
public struct PostgresBuffer: Sendable {
    public private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    public mutating func append(_ byte: UInt8) {
        bytes.append(byte)
    }

    public mutating func append(_ integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(contentsOf other: some Sequence<UInt8>) {
        bytes.append(contentsOf: other)
    }

    /// Hands the bytes over and starts again empty.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Appends an `Int32` length and what `body` writes; the length is filled in afterwards.
    mutating func appendWithLength(_ body: (inout PostgresBuffer) -> Void) {
        let start = bytes.count
        append(Int32(0))
        body(&self)
        let length = Int32(clamping: bytes.count - start - 4)
        withUnsafeBytes(of: length.bigEndian) { raw in
            for (offset, byte) in raw.enumerated() { bytes[start + offset] = byte }
        }
    }

    /// Appends one value as arrays and COPY have it: length and bytes, or −1 for NULL.
    mutating func appendField(_ value: some PostgresEncodable) {
        guard !value.isPostgresNull else { return append(Int32(-1)) }
        appendWithLength { value.encode(into: &$0) }
    }
}
