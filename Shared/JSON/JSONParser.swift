extension JSONValue {
    /// The value that the UTF-8 text says.
    public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// The value that the UTF-8 bytes say.
    public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(parsing: bytes, in: bytes.indices, limits: limits)
    }

    /// The value that a part of the UTF-8 bytes says, such as a member's range from a ``JSONScan``.
    public init(
        parsing bytes: [UInt8],
        in range: Range<Int>,
        limits: JSONLimits = JSONLimits()
    ) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            var parser = JSONParser(lexer: JSONLexer(bytes: buffer, range: range, limits: limits), limits: limits)
            return try parser.document()
        }
    }
}

/// A recursive-descent reader of one JSON text.
private struct JSONParser {
    var lexer: JSONLexer
    let limits: JSONLimits
    private var count = 0

    init(lexer: JSONLexer, limits: JSONLimits) {
        self.lexer = lexer
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let result = try value(depth: 0)
        lexer.skipSpace()
        guard lexer.next == nil else { throw lexer.error("unexpected text after the value") }
        return result
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        lexer.skipSpace()
        count += 1
        guard count <= limits.values else { throw lexer.tooMany(limits) }
        switch lexer.next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try lexer.literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try lexer.literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try lexer.literal("null")
            return .null
        case nil: throw lexer.error("the text ends where a value is expected")
        default: return .number(try number())
        }
    }

    mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        try open(depth: depth)
        var result = JSONObject()
        if lexer.take(UInt8(ascii: "}")) { return result }
        repeat {
            lexer.skipSpace()
            guard lexer.next == UInt8(ascii: "\"") else { throw lexer.error("a member's name is expected") }
            let name = try string()
            lexer.skipSpace()
            guard lexer.take(UInt8(ascii: ":")) else { throw lexer.error("':' is expected") }
            let member = try value(depth: depth)
            guard result.updateValue(member, forName: name) == nil || !limits.refusesDuplicateMembers else {
                throw lexer.error("the member '\(name)' stands twice")
            }
            lexer.skipSpace()
        } while lexer.take(UInt8(ascii: ","))
        guard lexer.take(UInt8(ascii: "}")) else { throw lexer.error("',' or '}' is expected") }
        return result
    }

    mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        try open(depth: depth)
        var result: [JSONValue] = []
        if lexer.take(UInt8(ascii: "]")) { return result }
        repeat {
            result.append(try value(depth: depth))
            lexer.skipSpace()
        } while lexer.take(UInt8(ascii: ","))
        guard lexer.take(UInt8(ascii: "]")) else { throw lexer.error("',' or ']' is expected") }
        return result
    }

    mutating func open(depth: Int) throws(JSONError) {
        guard depth <= limits.depth else { throw lexer.error("nested deeper than \(limits.depth)") }
        lexer.position += 1
        lexer.skipSpace()
    }

    mutating func string() throws(JSONError) -> String {
        lexer.text(of: try lexer.string())
    }

    mutating func number() throws(JSONError) -> JSONNumber {
        let start = lexer.position
        _ = try lexer.number()
        let text = UnsafeBufferPointer(rebasing: lexer.bytes[start..<lexer.position])
        return JSONNumber(validText: String(decoding: text, as: UTF8.self))
    }
}
