/// What one pass over a JSON text tells without building its values: that it is valid, where its parts are, and
/// whether PostgreSQL's `jsonb` could hold it.
///
/// A store that keeps documents as the bytes that a client wrote looks at them through this and nothing else.
public struct JSONScan: Sendable {
    /// One member of the outermost object.
    public struct Member: Sendable, Hashable {
        /// The name, its escapes resolved.
        public let name: String
        /// The bytes of the name with its quotes.
        public let nameRange: Range<Int>
        /// The bytes of the value.
        public let valueRange: Range<Int>

        /// The bytes of the whole member, from the name's quote to the value's end.
        public var range: Range<Int> { nameRange.lowerBound..<valueRange.upperBound }

        /// Whether the name is that one, code point by code point.
        public func isNamed(_ name: String) -> Bool { ExactText.areEqual(self.name, name) }
    }

    /// The type of the outermost value.
    public enum Kind: Sendable, Hashable {
        case null
        case bool
        case number
        case string
        case array
        case object
    }

    /// The type of the outermost value.
    public internal(set) var kind = Kind.null
    /// The bytes of the outermost value, without the white space around it.
    public internal(set) var range = 0..<0
    /// The members of the outermost value in their order, empty when it is no object.
    public internal(set) var members: [Member] = []
    /// The bytes of each element of the outermost value, empty when it is no array.
    public internal(set) var elements: [Range<Int>] = []
    /// How deep arrays and objects are nested: 0 for a lone scalar, 1 for `[]`.
    public internal(set) var depth = 0
    /// How many values there are, the outermost one and all within it.
    public internal(set) var count = 0
    /// Whether some object, at any depth, has two members of one name.
    public internal(set) var hasDuplicateMembers = false
    /// Whether some number is beyond the range of IEEE doubles, so that most readers would see infinity.
    public internal(set) var hasNumberBeyondDouble = false
    /// Whether white space stands between tokens.
    public internal(set) var hasSpace = false

    var hasUnstorableString = false
    var hasRewrittenNumber = false

    /// Whether `jsonb` holds the same value: no `\u0000`, no half of a surrogate pair, no duplicate member, and no
    /// number that `numeric` prints in another way (`-0`, exponents) or that is beyond IEEE doubles.
    public var isFaithfulInJSONB: Bool {
        !hasUnstorableString && !hasDuplicateMembers && !hasRewrittenNumber && !hasNumberBeyondDouble
    }

    /// Scans a whole text.
    public init(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(bytes, in: bytes.indices, limits: limits)
    }

    /// Scans the text in a part of the bytes; ranges count from the start of the bytes.
    public init(_ bytes: [UInt8], in range: Range<Int>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            var scanner = JSONScanner(lexer: JSONLexer(bytes: buffer, range: range, limits: limits), limits: limits)
            return try scanner.scan()
        }
    }

    init() {}
}
