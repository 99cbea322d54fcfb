/// The names of the members of all objects that a scanner has not left yet, to find two of one name in an object.
///
/// Names are compared by a hash first; an object of many members sorts them, so that no input makes it slow.
struct JSONNameTable {
    private struct Name {
        let hash: UInt64
        let content: Range<Int>
        let hasEscapes: Bool
    }

    /// Up to so many names are compared each with each.
    private static let few = 24

    private let lexer: JSONLexer
    private var names: [Name] = []

    init(lexer: JSONLexer) {
        self.lexer = lexer
        names.reserveCapacity(64)
    }

    /// How many names are known.
    var count: Int { names.count }

    /// Adds the name of a member of the innermost object.
    mutating func append(_ shape: JSONLexer.StringShape) {
        let hash = shape.hasEscapes ? Self.hash(decoded(shape.content)) : hash(shape.content)
        names.append(Name(hash: hash, content: shape.content, hasEscapes: shape.hasEscapes))
    }

    /// Forgets the names from there on, those of an object that ends; true if two of them are the same.
    mutating func close(from first: Int) -> Bool {
        defer { names.removeLast(names.count - first) }
        guard names.count - first > 1 else { return false }
        return names.count - first <= Self.few ? hasPair(from: first) : hasNeighbours(from: first)
    }

    @inline(__always)
    private func hasPair(from first: Int) -> Bool {
        names.withUnsafeBufferPointer { names in
            for later in first + 1..<names.count {
                let hash = names[later].hash
                for earlier in first..<later where names[earlier].hash == hash {
                    if text(names[earlier]) == text(names[later]) { return true }
                }
            }
            return false
        }
    }

    private func hasNeighbours(from first: Int) -> Bool {
        let sorted = names[first...].sorted { lhs, rhs in
            lhs.hash != rhs.hash ? lhs.hash < rhs.hash : text(lhs).lexicographicallyPrecedes(text(rhs))
        }
        return zip(sorted, sorted.dropFirst()).contains { $0.hash == $1.hash && text($0) == text($1) }
    }

    private func text(_ name: Name) -> [UInt8] {
        name.hasEscapes ? decoded(name.content) : Array(lexer.bytes[name.content])
    }

    private func decoded(_ content: Range<Int>) -> [UInt8] {
        var output: [UInt8] = []
        lexer.decode(content, into: &output)
        return output
    }

    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBufferPointer { hash($0, 0..<$0.count) }
    }

    @inline(__always)
    private func hash(_ range: Range<Int>) -> UInt64 {
        Self.hash(lexer.bytes, range)
    }

    @inline(__always)
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt64 {
        guard let base = bytes.baseAddress else { return 0 }
        var hash = UInt64(truncatingIfNeeded: range.count) &* 0x9E37_79B9_7F4A_7C15
        var position = range.lowerBound
        while position + 8 <= range.upperBound {
            hash ^= UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
            hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
            position += 8
        }
        var rest: UInt64 = 0
        while position < range.upperBound {
            rest = rest << 8 | UInt64(bytes[position])
            position += 1
        }
        hash ^= rest
        return (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    }
}
