/// Reads the syntax of PCRE, as far as it can be matched in bounded time.
struct PatternParser {
    struct Flags {
        var ignoresCase = false
        /// Whether `^` and `$` also stand at the ends of lines.
        var isMultiline = false
        /// Whether `.` matches the end of a line.
        var dotMatchesAll = false
        /// Whether white space and comments do not count.
        var isExtended = false
    }

    let bytes: [UInt8]
    var position = 0
    var flags = Flags()
    private let depthLimit: Int
    private var depth = 0

    init(_ bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    /// The whole expression.
    mutating func parse() throws(TextPattern.Invalid) -> PatternNode {
        let node = try alternatives()
        guard position == bytes.count else { throw error("a ) without a (") }
        return node
    }

    // MARK: - The parts of an expression

    private mutating func alternatives() throws(TextPattern.Invalid) -> PatternNode {
        depth += 1
        guard depth <= depthLimit else { throw error("groups in more than \(depthLimit) groups") }
        // Flags that are set within a group end with it.
        let outside = flags
        var nodes = [try sequence()]
        while take("|") { nodes.append(try sequence()) }
        flags = outside
        depth -= 1
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() throws(TextPattern.Invalid) -> PatternNode {
        var nodes: [PatternNode] = []
        while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            if flags.isExtended, skipExtended() { continue }
            guard let atom = try atom() else { continue }
            nodes.append(try repetition(of: atom))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    /// White space or a comment, in an expression in which they do not count.
    private mutating func skipExtended() -> Bool {
        guard let byte = peek else { return false }
        if ByteSet.space.contains(byte) {
            position += 1
            return true
        }
        guard byte == UInt8(ascii: "#") else { return false }
        while let byte = peek, byte != UInt8(ascii: "\n") { position += 1 }
        return true
    }

    /// One thing that can be repeated; nil for what only sets flags or says nothing.
    private mutating func atom() throws(TextPattern.Invalid) -> PatternNode? {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "["): return .bytes(try byteClass())
        case UInt8(ascii: "."): return .bytes(flags.dotMatchesAll ? .all : ByteSet.lineEnd.inverted)
        case UInt8(ascii: "^"): return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case UInt8(ascii: "$"): return .assertion(flags.isMultiline ? .lineEnd : .lastLineEnd)
        case UInt8(ascii: "\\"): return try escape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): throw error("nothing to repeat")
        default: return literal(byte)
        }
    }

    func literal(_ byte: UInt8) -> PatternNode {
        let set = ByteSet([byte])
        return .bytes(flags.ignoresCase ? set.ignoringCase : set)
    }

    // MARK: - Groups

    private mutating func group() throws(TextPattern.Invalid) -> PatternNode? {
        let outside = flags
        if take("?") {
            if take("#") {
                while let byte = peek, byte != UInt8(ascii: ")") { position += 1 }
                guard take(")") else { throw error("a comment without an end") }
                return nil
            }
            if take("P<") || peekIsName() {
                try skipName()
            } else if !take(":"), !take("|"), try !setFlags() {
                // Flags without a group hold until the end of the group around.
                return nil
            }
        }
        let node = try alternatives()
        guard take(")") else { throw error("a ( without a )") }
        flags = outside
        return node
    }

    /// Whether `<name>` or `'name'` follows, and not `<=` or `<!`.
    private mutating func peekIsName() -> Bool {
        if take("'") { return true }
        guard peek == UInt8(ascii: "<"), position + 1 < bytes.count,
            bytes[position + 1] != UInt8(ascii: "="), bytes[position + 1] != UInt8(ascii: "!")
        else { return false }
        position += 1
        return true
    }

    private mutating func skipName() throws(TextPattern.Invalid) {
        while let byte = peek, ByteSet.word.contains(byte) { position += 1 }
        guard take(">") || take("'") else { throw error("a name without an end") }
    }

    /// Reads flags.
    ///
    /// - Returns: Whether a group follows for which they hold (`(?i:…)`).
    private mutating func setFlags() throws(TextPattern.Invalid) -> Bool {
        var isOn = true
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "-"): isOn = false
            case UInt8(ascii: "i"): flags.ignoresCase = isOn
            case UInt8(ascii: "m"): flags.isMultiline = isOn
            case UInt8(ascii: "s"): flags.dotMatchesAll = isOn
            case UInt8(ascii: "x"): flags.isExtended = isOn
            case UInt8(ascii: "U"), UInt8(ascii: "J"): continue
            case UInt8(ascii: ":"): return true
            case UInt8(ascii: ")"): return false
            default: throw error("a group that cannot be matched in bounded time")
            }
        }
        throw error("a ( without a )")
    }

    // MARK: - Repetitions

    private mutating func repetition(of atom: PatternNode) throws(TextPattern.Invalid) -> PatternNode {
        var node = atom
        while let (least, most) = try quantifier() {
            if take("+") { throw error("a possessive quantifier") }
            // Whether it takes much or little first does not matter to whether there is a match.
            _ = take("?")
            node = node.isEmpty || most == 0 ? .sequence([]) : .repeated(node, least: least, most: most)
        }
        return node
    }

    private mutating func quantifier() throws(TextPattern.Invalid) -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = position
        // Braces that are no quantifier stand for themselves.
        guard take("{"), let least = number() else {
            position = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = number() }
        guard take("}") else {
            position = start
            return nil
        }
        guard least <= 1_000, (most ?? least) <= 1_000, most ?? least >= least else { throw error("a bad quantifier") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = position
        while let byte = peek, ByteSet.digits.contains(byte), position - start < 6 { position += 1 }
        return Int(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    // MARK: - Bytes

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func take(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard bytes[position...].starts(with: expected) else { return false }
            position += expected.count
            return true
        }
    }

    func error(_ reason: String) -> TextPattern.Invalid {
        TextPattern.Invalid(reason: "\(reason) at byte \(position)")
    }
}
