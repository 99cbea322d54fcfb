/// Why a text is no JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in words.
    public let reason: String
    /// The byte at which it was noticed, from 0.
    public let offset: Int

    /// An error with these words at that byte.
    public init(reason: String, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "\(reason) at byte \(offset)" }
}

/// How much a JSON text may ask of its reader.
public struct JSONLimits: Sendable {
    /// The deepest nesting that any limits allow, because values are built and released by recursion.
    public static let deepest = 1_000

    /// How deep arrays and objects may be nested, at most ``deepest``.
    public var depth = 512 {
        didSet { depth = min(max(depth, 0), Self.deepest) }
    }
    /// How many characters a number may have.
    public var numberLength = 1_000
    /// How many values there may be, those within others counted.
    ///
    /// Values take far more memory than their text. A scan, which builds none, goes by it for what it notes: the parts
    /// of the outermost value, and the names of members.
    public var values = 2_000_000
    /// Whether an object with two members of one name is an error; otherwise the later one counts.
    public var refusesDuplicateMembers = false

    /// The limits of what a stranger sent.
    public init() {}

    /// No limits, for what passed them before it was stored.
    public static var unlimited: JSONLimits {
        var limits = JSONLimits()
        limits.depth = .max
        limits.numberLength = .max
        limits.values = .max
        return limits
    }
}
