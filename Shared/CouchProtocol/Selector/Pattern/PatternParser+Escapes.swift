// What stands behind a backslash, and in brackets.
extension PatternParser {
    /// What an escape means outside of brackets; nil when it means nothing.
    mutating func escape() throws(TextPattern.Invalid) -> PatternNode? {
        guard let byte = peek else { throw error("a \\ at the end") }
        position += 1
        switch byte {
        case UInt8(ascii: "b"): return .assertion(.wordBoundary)
        case UInt8(ascii: "B"): return .assertion(.noWordBoundary)
        case UInt8(ascii: "A"): return .assertion(.textStart)
        case UInt8(ascii: "z"): return .assertion(.textEnd)
        case UInt8(ascii: "Z"): return .assertion(.lastLineEnd)
        case UInt8(ascii: "N"): return .bytes(ByteSet.lineEnd.inverted)
        case UInt8(ascii: "Q"): return quoted()
        case UInt8(ascii: "E"): return nil
        default: break
        }
        if let set = Self.set(of: byte) { return .bytes(set) }
        return literal(try escapedByte(byte))
    }

    /// Everything up to `\E`, as it stands.
    private mutating func quoted() -> PatternNode {
        var nodes: [PatternNode] = []
        while let byte = peek, !take("\\E") {
            nodes.append(literal(byte))
            position += 1
        }
        return .sequence(nodes)
    }

    private static func set(of letter: UInt8) -> ByteSet? {
        switch letter {
        case UInt8(ascii: "d"): .digits
        case UInt8(ascii: "D"): ByteSet.digits.inverted
        case UInt8(ascii: "w"): .word
        case UInt8(ascii: "W"): ByteSet.word.inverted
        case UInt8(ascii: "s"): .space
        case UInt8(ascii: "S"): ByteSet.space.inverted
        case UInt8(ascii: "h"): .horizontalSpace
        case UInt8(ascii: "H"): ByteSet.horizontalSpace.inverted
        case UInt8(ascii: "v"): .verticalSpace
        case UInt8(ascii: "V"): ByteSet.verticalSpace.inverted
        default: nil
        }
    }

    /// The byte that an escape stands for.
    private mutating func escapedByte(_ byte: UInt8) throws(TextPattern.Invalid) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "a"): return 0x07
        case UInt8(ascii: "e"): return 0x1B
        case UInt8(ascii: "0"): return 0x00
        case UInt8(ascii: "x"): return try hexadecimal()
        case _ where ByteSet.word.contains(byte) && byte != UInt8(ascii: "_"):
            throw error("an escape that cannot be matched in bounded time")
        default: return byte
        }
    }

    private mutating func hexadecimal() throws(TextPattern.Invalid) -> UInt8 {
        let isBraced = take("{")
        let start = position
        while let byte = peek, position - start < 2, ByteSet.named("xdigit")?.contains(byte) == true { position += 1 }
        let value = UInt8(String(decoding: bytes[start..<position], as: UTF8.self), radix: 16) ?? 0
        if isBraced, !take("}") { throw error("a character beyond \\xFF") }
        return value
    }

    // MARK: - Brackets

    /// The bytes of `[…]`, whose opening bracket has been read.
    mutating func byteClass() throws(TextPattern.Invalid) -> ByteSet {
        let isInverted = take("^")
        var set = ByteSet()
        var isFirst = true
        while isFirst || peek != UInt8(ascii: "]") {
            guard peek != nil else { throw error("a [ without a ]") }
            isFirst = false
            guard let lower = try classMember(&set) else { continue }
            let afterLower = position
            guard take("-"), let next = peek, next != UInt8(ascii: "]") else {
                position = afterLower
                set.insert(lower)
                continue
            }
            var other = ByteSet()
            if let upper = try classMember(&other) {
                guard lower <= upper else { throw error("a range that ends before it begins") }
                for byte in lower...upper { set.insert(byte) }
            } else {
                // `[a-\d]`: the dash stands for itself.
                set = set.union(other)
                set.insert(lower)
                set.insert(UInt8(ascii: "-"))
            }
        }
        position += 1
        if flags.ignoresCase { set = set.ignoringCase }
        return isInverted ? set.inverted : set
    }

    /// Reads one member of a class: a byte, which may begin a range, or a set of them, which is added.
    private mutating func classMember(_ set: inout ByteSet) throws(TextPattern.Invalid) -> UInt8? {
        let byte = bytes[position]
        if byte == UInt8(ascii: "["), let named = try posixClass() {
            set = set.union(named)
            return nil
        }
        position += 1
        guard byte == UInt8(ascii: "\\") else { return byte }
        guard let letter = peek else { throw error("a \\ at the end") }
        position += 1
        if let escaped = Self.set(of: letter) {
            set = set.union(escaped)
            return nil
        }
        // In brackets, `\b` is the backspace.
        return letter == UInt8(ascii: "b") ? 0x08 : try escapedByte(letter)
    }

    /// `[:name:]` within a class; nil when that is not what follows.
    private mutating func posixClass() throws(TextPattern.Invalid) -> ByteSet? {
        let start = position
        guard take("[:") else { return nil }
        let isInverted = take("^")
        let nameStart = position
        while let byte = peek, ByteSet.lower.contains(byte) { position += 1 }
        let name = String(decoding: bytes[nameStart..<position], as: UTF8.self)
        guard take(":]") else {
            position = start
            return nil
        }
        guard let set = ByteSet.named(name) else { throw error("no class is called \(name)") }
        return isInverted ? set.inverted : set
    }
}
