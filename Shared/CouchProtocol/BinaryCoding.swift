/// Why bytes from a store are not what was once written there.
public struct BinaryDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in words.
    public let reason: String

    public var description: String { reason }

    /// An error with these words.
    public init(_ reason: String) {
        self.reason = reason
    }
}

/// A value that can be part of a database column of bytes.
public protocol BinaryCodable {
    /// Appends the value.
    func encode(into output: inout [UInt8])

    /// Reads the value that ``encode(into:)`` wrote.
    init(from reader: inout BinaryReader) throws(BinaryDecodingError)
}

/// Reads bytes from front to back, and never beyond their end.
public struct BinaryReader {
    private let bytes: [UInt8]
    private var position = 0

    /// A reader at the front of these bytes.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether all bytes are read.
    public var isAtEnd: Bool { position == bytes.count }

    /// Reads one byte.
    public mutating func byte() throws(BinaryDecodingError) -> UInt8 {
        guard position < bytes.count else { throw BinaryDecodingError("the bytes end too early") }
        defer { position += 1 }
        return bytes[position]
    }

    /// Reads that many bytes.
    public mutating func bytes(_ count: Int) throws(BinaryDecodingError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else { throw BinaryDecodingError("the bytes end too early") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Reads an integer that is not negative, in the form of seven bits a byte, the least significant first.
    public mutating func integer() throws(BinaryDecodingError) -> Int {
        var result = 0
        for shift in stride(from: 0, to: 63, by: 7) {
            let byte = try byte()
            result |= Int(byte & 0x7F) << shift
            if byte < 0x80 {
                guard result >= 0 else { break }
                return result
            }
        }
        throw BinaryDecodingError("an integer that is too large")
    }
}

extension [UInt8] {
    /// Appends an integer that is not negative, in the form that ``BinaryReader/integer()`` reads.
    public mutating func append(integer: Int) {
        precondition(integer >= 0, "a negative integer has no such form")
        var rest = integer
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a text behind its length, in the form that ``BinaryReader/text()`` reads.
    public mutating func append(text: String) {
        append(integer: text.utf8.count)
        append(contentsOf: text.utf8)
    }
}

/// The payload of trees whose store keeps nothing about a revision.
public struct NoPayload: Hashable, Sendable, BinaryCodable {
    /// The only one.
    public init() {}

    public init(from reader: inout BinaryReader) throws(BinaryDecodingError) {}

    public func encode(into output: inout [UInt8]) {}
}
