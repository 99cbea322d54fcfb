import Collation
import ViewRules

/// Where a row is in the order of a view.
struct RowPlace: Hashable, Sendable, Comparable {
    var key: [UInt8]
    var id: String
    var position: Int

    /// In front of every row.
    static let start = RowPlace(key: [], id: "", position: 0)

    static func < (lhs: RowPlace, rhs: RowPlace) -> Bool {
        if lhs.key != rhs.key { return lhs.key.lexicographicallyPrecedes(rhs.key) }
        // By bytes, as SQLite compares.
        if !lhs.id.utf8.elementsEqual(rhs.id.utf8) { return lhs.id.utf8.lexicographicallyPrecedes(rhs.id.utf8) }
        return lhs.position < rhs.position
    }
}

/// A stretch of neighbouring rows of a view, and what they were reduced to.
///
/// The blocks of a view have all its rows between them: each goes from its place up to where the next one begins, and
/// the first begins in front of everything. A view that was never reduced has none.
struct KeptBlock: Sendable {
    /// What is known of the rows.
    struct Content: Sendable {
        let firstKey: [UInt8]
        let lastKey: [UInt8]
        /// The first row's key as JSON text.
        let json: [UInt8]
        let reduction: Reduction

        /// Whether all rows are reduced together.
        func isOneGroup(_ grouping: Grouping, _ order: CollationKey.Order) -> Bool {
            guard grouping != .none, firstKey != lastKey else { return true }
            let prefix = grouping.prefix(of: firstKey, order)
            return prefix.count < firstKey.count && lastKey.starts(with: prefix)
        }
    }

    let start: RowPlace
    /// Nil when rows have changed since, or were never reduced.
    let content: Content?
}

/// What a query has found out: these blocks take the place of those.
struct BlockChange: Sendable {
    /// Where the blocks begin that go.
    let starts: [RowPlace]
    let blocks: [KeptBlock]
}

/// How many rows a block has.
struct BlockSizes: Sendable {
    /// Fewer rows than these are read one by one: that costs no more than a block does.
    var smallest = 64
    /// A block of so many rows is cut in two.
    var largest = 1_000
    /// So many bytes of keys and values are a block, however few rows they are.
    var bytes = 1 << 20
    /// How many reductions a function is given at once.
    var reductions = 500
}

extension KeyRange {
    /// The first place that can be in the range; nil when there is no first one.
    var firstPlace: RowPlace? {
        guard let lower else { return nil }
        switch (lower.id, lower.isIncluded) {
        case (nil, true): return RowPlace(key: lower.key, id: "", position: 0)
        case (nil, false): return .behind(lower.key)
        case (let id?, true): return RowPlace(key: lower.key, id: id, position: 0)
        case (let id?, false): return .behind(lower.key, id)
        }
    }

    /// The first place behind the range; nil when nothing is behind it.
    var endPlace: RowPlace? {
        guard let upper else { return nil }
        switch (upper.id, upper.isIncluded) {
        case (nil, true): return .behind(upper.key)
        case (nil, false): return RowPlace(key: upper.key, id: "", position: 0)
        case (let id?, true): return .behind(upper.key, id)
        case (let id?, false): return RowPlace(key: upper.key, id: id, position: 0)
        }
    }
}

extension RowPlace {
    /// The first place behind all rows of a key: no key lies between it and itself with a zero.
    static func behind(_ key: [UInt8]) -> RowPlace { RowPlace(key: key + [0], id: "", position: 0) }

    /// A place behind all rows that a document has of a key.
    fileprivate static func behind(_ key: [UInt8], _ id: String) -> RowPlace {
        RowPlace(key: key, id: id, position: .max)
    }

    /// The first place behind this one.
    var next: RowPlace { RowPlace(key: key, id: id, position: position + 1) }
}
