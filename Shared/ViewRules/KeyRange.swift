/// An end of a stretch of rows.
package struct KeyBound: Sendable, Hashable {
    /// The collation key, or the beginning of one.
    package var key: [UInt8]
    /// The document at which the stretch ends among the rows of the key; nil for all of them.
    package var id: String?
    /// Whether what is exactly there belongs to the stretch.
    package var isIncluded: Bool

    package init(key: [UInt8], id: String? = nil, isIncluded: Bool = true) {
        self.key = key
        self.id = id
        self.isIncluded = isIncluded
    }
}

/// A stretch of the rows of a view, in the order of keys and then of ids, whichever way it is read.
package struct KeyRange: Sendable, Hashable {
    package var lower: KeyBound?
    package var upper: KeyBound?
    package var isDescending = false

    /// All rows.
    package init(lower: KeyBound? = nil, upper: KeyBound? = nil, isDescending: Bool = false) {
        self.lower = lower
        self.upper = upper
        self.isDescending = isDescending
    }

    /// The rows of one key.
    package init(key: [UInt8]) {
        lower = KeyBound(key: key)
        upper = lower
    }

    /// Everything in front of this range, in the order of keys; nil when nothing is.
    package var before: KeyRange? {
        lower.map { KeyRange(upper: KeyBound(key: $0.key, id: $0.id, isIncluded: !$0.isIncluded)) }
    }

    /// Everything behind this range, in the order of keys; nil when nothing is.
    package var after: KeyRange? {
        upper.map { KeyRange(lower: KeyBound(key: $0.key, id: $0.id, isIncluded: !$0.isIncluded)) }
    }

    /// Whether the row of that whole key is in the range: what the condition cannot say of keys that are cut.
    package func contains(_ key: [UInt8], id: String) -> Bool {
        if let lower {
            switch Self.compare(key, id, lower) {
            case ..<0: return false
            case 0 where !lower.isIncluded: return false
            default: break
            }
        }
        if let upper {
            switch Self.compare(key, id, upper) {
            case 1...: return false
            case 0 where !upper.isIncluded: return false
            default: break
            }
        }
        return true
    }

    private static func compare(_ key: [UInt8], _ id: String, _ bound: KeyBound) -> Int {
        if key.lexicographicallyPrecedes(bound.key) { return -1 }
        guard key == bound.key else { return 1 }
        guard let limit = bound.id else { return 0 }
        return id.utf8.elementsEqual(limit.utf8) ? 0 : id.utf8.lexicographicallyPrecedes(limit.utf8) ? -1 : 1
    }
}
