/// A JSON number, kept as the text that was written.
///
/// A double would lose `9007199254740993` and a decimal would lose nothing but time; the text loses neither.
public struct JSONNumber: Sendable {
    /// The number as it was written, valid by RFC 8259.
    public let text: String

    /// A number from text that is known to be valid by RFC 8259.
    public init(validText text: String) {
        self.text = text
    }

    /// The number of an integer.
    public init(_ value: Int) {
        text = String(value)
    }

    /// The number of a double; one that is not finite, which JSON cannot say, becomes 0.
    public init(_ value: Double) {
        // The least integer is -2^63 exactly, and its `abs` is none.
        if let integer = Int(exactly: value), integer.magnitude < 1 << 53 {
            text = String(integer)
        } else {
            text = value.isFinite ? "\(value)" : "0"
        }
    }

    /// The value when it is whole and fits 64 bits.
    public var int: Int? {
        if let integer = Int(text) { return integer }
        guard let decimal = JSONDecimal(self), decimal.isShortWhole else { return nil }
        return Int(decimal.canonicalText)
    }

    /// The nearest double; infinite when the number is beyond a double's range.
    public var double: Double {
        Double(text) ?? .nan
    }
}

extension JSONNumber: Hashable {
    /// Whether two numbers have the same value, exactly: `1.0` is `1`, `9007199254740993` is not `9007199254740992`.
    public static func == (lhs: JSONNumber, rhs: JSONNumber) -> Bool {
        if lhs.text == rhs.text { return true }
        guard let left = JSONDecimal(lhs), let right = JSONDecimal(rhs) else { return false }
        return left == right
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(double == 0 ? 0 : double)
    }
}
