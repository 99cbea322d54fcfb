/// The second half of a revision's name, behind the generation.
///
/// CouchDB, PouchDB and this house write 32 hexadecimal digits, kept here as their 16 bytes; other programs write what
/// they like.
public enum RevisionHash: Hashable, Sendable {
    /// How many bytes a hash may have.
    public static let lengthLimit = 255

    /// 16 bytes, written as 32 hexadecimal digits.
    case digest(UInt64, UInt64)
    /// Any other printable ASCII text, as its bytes.
    case text([UInt8])

    /// The hash of these 16 bytes, such as an MD5 digest; fewer are filled up with zeros.
    public init(digest: some Sequence<UInt8>) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in digest.prefix(16).enumerated() {
            if index < 8 {
                high |= UInt64(byte) << (56 - 8 * index)
            } else {
                low |= UInt64(byte) << (120 - 8 * index)
            }
        }
        self = .digest(high, low)
    }

    /// The hash that the text says.
    ///
    /// As in CouchDB, a text of 32 bytes must be hexadecimal.
    public init(parsing text: some Collection<UInt8>) throws(CouchError) {
        guard text.count == 32 else {
            guard 1...Self.lengthLimit ~= text.count, text.allSatisfy(Self.isPlain) else { throw .invalidRevision }
            self = .text(Array(text))
            return
        }
        var halves: (UInt64, UInt64) = (0, 0)
        for (index, byte) in text.enumerated() {
            guard let digit = Self.hexValue(byte) else { throw .invalidRevision }
            if index < 16 {
                halves.0 = halves.0 << 4 | UInt64(digit)
            } else {
                halves.1 = halves.1 << 4 | UInt64(digit)
            }
        }
        self = .digest(halves.0, halves.1)
    }

    /// The hash that the bytes from a place on say, as ``init(parsing:)`` reads it.
    init(parsing bytes: Span<UInt8>, from start: Int) throws(CouchError) {
        guard bytes.count - start == 32 else {
            var text: [UInt8] = []
            for place in start..<bytes.count { text.append(bytes[place]) }
            self = try RevisionHash(parsing: text)
            return
        }
        func half(from start: Int) throws(CouchError) -> UInt64 {
            var value: UInt64 = 0
            for place in start..<start + 16 {
                guard let digit = Self.hexValue(bytes[place]) else { throw .invalidRevision }
                value = value << 4 | UInt64(digit)
            }
            return value
        }
        self = .digest(try half(from: start), try half(from: start + 16))
    }

    /// Appends the hash as it is written.
    public func write(to output: inout [UInt8]) {
        switch self {
        case .digest(let high, let low):
            Self.write(high, to: &output)
            Self.write(low, to: &output)
        case .text(let bytes): output.append(contentsOf: bytes)
        }
    }

    private static func write(_ half: UInt64, to output: inout [UInt8]) {
        var rest = half
        for _ in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: rest >> 60)
            output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            rest <<= 4
        }
    }

    /// The bytes by which CouchDB compares: those of the digest, or of the text.
    private var comparable: [UInt8] {
        switch self {
        case .digest(let high, let low):
            [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
        case .text(let bytes): bytes
        }
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Whether the character may stand in JSON, in an ETag and in a list without being escaped.
    private static func isPlain(_ byte: UInt8) -> Bool {
        0x21...0x7E ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: ",")
    }
}

extension RevisionHash: Comparable, CustomStringConvertible {
    public static func < (lhs: RevisionHash, rhs: RevisionHash) -> Bool {
        if case (.digest(let leftHigh, let leftLow), .digest(let rightHigh, let rightLow)) = (lhs, rhs) {
            return (leftHigh, leftLow) < (rightHigh, rightLow)
        }
        return lhs.comparable.lexicographicallyPrecedes(rhs.comparable)
    }

    public var description: String {
        var output: [UInt8] = []
        write(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}
