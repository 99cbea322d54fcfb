extension JSONNumber: Comparable {
    /// Whether the first number is less, exactly: no digit is lost to a double.
    public static func < (lhs: JSONNumber, rhs: JSONNumber) -> Bool {
        if let left = Int(lhs.text), let right = Int(rhs.text) { return left < right }
        let (left, right) = (lhs.double, rhs.double)
        if left != right, !left.isNaN, !right.isNaN { return left < right }
        guard let left = JSONDecimal(lhs), let right = JSONDecimal(rhs) else { return false }
        return left < right
    }
}

extension JSONDecimal: Comparable {
    static func < (lhs: JSONDecimal, rhs: JSONDecimal) -> Bool {
        guard lhs.sign == rhs.sign else { return lhs.sign < rhs.sign }
        return lhs.sign < 0 ? rhs.isCloserToZero(than: lhs) : lhs.isCloserToZero(than: rhs)
    }

    private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

    private func isCloserToZero(than other: JSONDecimal) -> Bool {
        let (magnitude, otherMagnitude) = (exponent + digits.count, other.exponent + other.digits.count)
        guard magnitude == otherMagnitude else { return magnitude < otherMagnitude }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
