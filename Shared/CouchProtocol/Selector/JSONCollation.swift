package import JSON

/// The order of JSON values that CouchDB's views and selectors have: null, false, true, numbers, strings, arrays,
/// objects; arrays element by element, and of two that begin alike the shorter one first.
///
/// Objects are compared by their members in the order of their names: the store does not keep the order in which they
/// were written, which CouchDB goes by.
package struct JSONCollation: Sendable {
    /// How strings are compared.
    package typealias StringOrder = @Sendable (_ lhs: String, _ rhs: String) -> Comparison

    /// What is known of two values.
    package enum Comparison: Sendable, Hashable {
        case less
        case equal
        case greater
    }

    private let compareStrings: StringOrder

    /// The order with strings compared in that way.
    package init(strings: @escaping StringOrder) {
        compareStrings = strings
    }

    /// Strings by their code points, on every machine alike.
    ///
    /// CouchDB compares ids so, and all other strings of documents by Unicode's collation (`a < B`), which the module
    /// `Collation` has.
    package static let codePoints = JSONCollation { lhs, rhs in
        // UTF-8 keeps the order of the code points.
        for (left, right) in zip(lhs.utf8, rhs.utf8) where left != right { return left < right ? .less : .greater }
        return order(lhs.utf8.count, rhs.utf8.count)
    }

    /// What the first value is in comparison with the second.
    package func compare(_ lhs: JSONValue, _ rhs: JSONValue) -> Comparison {
        switch (lhs, rhs) {
        case (.number(let left), .number(let right)):
            return left == right ? .equal : left < right ? .less : .greater
        case (.string(let left), .string(let right)): return compareStrings(left, right)
        case (.array(let left), .array(let right)): return compare(left, right)
        case (.object(let left), .object(let right)): return compare(left, right)
        default: return Self.order(Self.rank(lhs), Self.rank(rhs))
        }
    }

    private func compare(_ lhs: [JSONValue], _ rhs: [JSONValue]) -> Comparison {
        for (left, right) in zip(lhs, rhs) {
            let comparison = compare(left, right)
            if comparison != .equal { return comparison }
        }
        return Self.order(lhs.count, rhs.count)
    }

    private func compare(_ lhs: JSONObject, _ rhs: JSONObject) -> Comparison {
        for (left, right) in zip(sorted(lhs), sorted(rhs)) {
            let names = compareStrings(left.0, right.0)
            if names != .equal { return names }
            let values = compare(left.1, right.1)
            if values != .equal { return values }
        }
        return Self.order(lhs.count, rhs.count)
    }

    private func sorted(_ object: JSONObject) -> [(String, JSONValue)] {
        object.sorted { left, right in
            switch compareStrings(left.0, right.0) {
            case .less: true
            case .greater: false
            case .equal: left.0.utf8.lexicographicallyPrecedes(right.0.utf8)
            }
        }
    }

    /// The value with the members of its objects in the order in which this collation looks at them.
    package func ordered(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool, .number, .string: value
        case .array(let elements): .array(elements.map(ordered))
        case .object(let members): .object(JSONObject(sorted(members).map { ($0.0, ordered($0.1)) }))
        }
    }

    private static func rank(_ value: JSONValue) -> Int {
        switch value {
        case .null: 0
        case .bool(let value): value ? 2 : 1
        case .number: 3
        case .string: 4
        case .array: 5
        case .object: 6
        }
    }

    private static func order(_ lhs: Int, _ rhs: Int) -> Comparison {
        lhs == rhs ? .equal : lhs < rhs ? .less : .greater
    }
}
