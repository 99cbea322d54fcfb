/// Some of the 256 bytes.
struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    init() {}

    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { insert(byte) }
    }

    static let all = ByteSet(UInt8.min...UInt8.max)
    static let digits = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
    static let lower = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
    static let upper = ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))
    static let word = digits.union(lower).union(upper).union(ByteSet([UInt8(ascii: "_")]))
    static let space = ByteSet([0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D])
    static let horizontalSpace = ByteSet([0x20, 0x09, 0xA0])
    static let verticalSpace = ByteSet([0x0A, 0x0B, 0x0C, 0x0D, 0x85])
    static let lineEnd = ByteSet([0x0A])

    mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0
    }

    func union(_ other: ByteSet) -> ByteSet {
        var result = self
        result.words |= other.words
        return result
    }

    var inverted: ByteSet {
        var result = self
        result.words = ~words
        return result
    }

    /// With each ASCII letter in both cases.
    var ignoringCase: ByteSet {
        var result = self
        for lower in UInt8(ascii: "a")...UInt8(ascii: "z") where contains(lower) || contains(lower - 32) {
            result.insert(lower)
            result.insert(lower - 32)
        }
        return result
    }

    /// The set of POSIX's name for it, as in `[[:alpha:]]`.
    static func named(_ name: String) -> ByteSet? {
        switch name {
        case "alnum": digits.union(lower).union(upper)
        case "alpha": lower.union(upper)
        case "ascii": ByteSet(0...0x7F)
        case "blank": ByteSet([0x20, 0x09])
        case "cntrl": ByteSet(0...0x1F).union(ByteSet([0x7F]))
        case "digit": digits
        case "graph": ByteSet(0x21...0x7E)
        case "lower": lower
        case "print": ByteSet(0x20...0x7E)
        case "punct": ByteSet((0x21...0x7E).filter { !word.contains($0) || $0 == UInt8(ascii: "_") })
        case "space": space
        case "upper": upper
        case "word": word
        case "xdigit": digits.union(ByteSet(0x41...0x46)).union(ByteSet(0x61...0x66))
        default: nil
        }
    }
}
