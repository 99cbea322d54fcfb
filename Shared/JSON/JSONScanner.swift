/// One pass over a JSON text, without recursion and without values.
struct JSONScanner {
    private var lexer: JSONLexer
    private let limits: JSONLimits
    private var result = JSONScan()
    private var open: [Container] = []
    private var names: JSONNameTable

    /// An array or object whose end is not reached.
    private struct Container {
        let isObject: Bool
        /// Where its names begin in the table.
        let firstName: Int
    }

    /// The part of the outermost value that is being read.
    private var child: (name: JSONLexer.StringShape?, start: Int)?

    init(lexer: JSONLexer, limits: JSONLimits) {
        self.lexer = lexer
        self.limits = limits
        names = JSONNameTable(lexer: lexer)
        open.reserveCapacity(16)
    }

    mutating func scan() throws(JSONError) -> JSONScan {
        skipSpace()
        let start = lexer.position
        result.kind = kind()
        repeat {
            // At the start of a value. A container that has a first value leads to it; all else is over at once.
            if try value() { continue }
            if try betweenValues() { break }
        } while true
        result.range = start..<lexer.position
        skipSpace()
        guard lexer.next == nil else { throw lexer.error("unexpected text after the value") }
        return result
    }

    private func kind() -> JSONScan.Kind {
        switch lexer.next {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    @inline(__always)
    private mutating func skipSpace() {
        guard lexer.position < lexer.end, lexer.bytes[lexer.position] <= 0x20 else { return }
        let start = lexer.position
        lexer.skipSpace()
        if lexer.position > start { result.hasSpace = true }
    }

    /// Steps over a scalar or an empty container, or into a container; true when another value begins right here.
    @inline(__always)
    private mutating func value() throws(JSONError) -> Bool {
        guard let byte = lexer.next else { throw lexer.error("the text ends where a value is expected") }
        result.count += 1
        switch byte {
        case UInt8(ascii: "\""):
            if try lexer.string().hasUnstorable { result.hasUnstorableString = true }
        case UInt8(ascii: "{"):
            try begin(isObject: true)
            if lexer.next == UInt8(ascii: "}") { return false }
            try name()
            return true
        case UInt8(ascii: "["):
            try begin(isObject: false)
            if lexer.next == UInt8(ascii: "]") { return false }
            beginChild(name: nil)
            return true
        case UInt8(ascii: "t"): try lexer.literal("true")
        case UInt8(ascii: "f"): try lexer.literal("false")
        case UInt8(ascii: "n"): try lexer.literal("null")
        default: try number()
        }
        try endChild()
        return false
    }

    /// After a value or an empty container's opening: closes what ends here; true when the outermost value is over,
    /// false when the next value begins here.
    @inline(__always)
    private mutating func betweenValues() throws(JSONError) -> Bool {
        while let container = open.last {
            skipSpace()
            switch lexer.next {
            case UInt8(ascii: ","):
                lexer.position += 1
                skipSpace()
                if container.isObject { try name() } else { beginChild(name: nil) }
                return false
            case UInt8(ascii: "}") where container.isObject, UInt8(ascii: "]") where !container.isObject:
                lexer.position += 1
                open.removeLast()
                if container.isObject, names.close(from: container.firstName) { try noteDuplicate() }
                try endChild()
            default:
                throw lexer.error(container.isObject ? "',' or '}' is expected" : "',' or ']' is expected")
            }
        }
        return true
    }

    private mutating func begin(isObject: Bool) throws(JSONError) {
        guard open.count < limits.depth else { throw lexer.error("nested deeper than \(limits.depth)") }
        open.append(Container(isObject: isObject, firstName: names.count))
        result.depth = max(result.depth, open.count)
        lexer.position += 1
        skipSpace()
    }

    private mutating func name() throws(JSONError) {
        guard lexer.next == UInt8(ascii: "\"") else { throw lexer.error("a member's name is expected") }
        let shape = try lexer.string()
        if shape.hasUnstorable { result.hasUnstorableString = true }
        guard names.count < limits.values else { throw lexer.tooMany(limits) }
        names.append(shape)
        skipSpace()
        guard lexer.take(UInt8(ascii: ":")) else { throw lexer.error("':' is expected") }
        skipSpace()
        beginChild(name: shape)
    }

    @inline(__always)
    private mutating func beginChild(name: JSONLexer.StringShape?) {
        if open.count == 1 { child = (name, lexer.position) }
    }

    /// Notes a member or an element of the outermost value that ends here.
    @inline(__always)
    private mutating func endChild() throws(JSONError) {
        guard open.count == 1, let ended = child else { return }
        child = nil
        let valueRange = ended.start..<lexer.position
        guard let name = ended.name else {
            guard result.elements.count < limits.values else { throw lexer.tooMany(limits) }
            result.elements.append(valueRange)
            return
        }
        result.members.append(
            JSONScan.Member(
                name: lexer.text(of: name),
                nameRange: name.content.lowerBound - 1..<name.content.upperBound + 1,
                valueRange: valueRange
            )
        )
    }

    private mutating func noteDuplicate() throws(JSONError) {
        guard !limits.refusesDuplicateMembers else { throw lexer.error("an object with two members of one name") }
        result.hasDuplicateMembers = true
    }

    private mutating func number() throws(JSONError) {
        let start = lexer.position
        let shape = try lexer.number()
        if shape.hasExponent || shape.isNegative && shape.isZero { result.hasRewrittenNumber = true }
        // 308 digits are always within the range of a double; the exact question is asked only beyond.
        if shape.hasExponent || shape.wholeDigits > 308 {
            let text = UnsafeBufferPointer(rebasing: lexer.bytes[start..<lexer.position])
            if Double(String(decoding: text, as: UTF8.self))?.isInfinite != false {
                result.hasNumberBeyondDouble = true
            }
        }
    }
}
