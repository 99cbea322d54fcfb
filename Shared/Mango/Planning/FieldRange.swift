package import CouchProtocol
package import JSON

/// Between which values a selector wants a field.
package struct FieldRange: Sendable, Hashable {
    package struct Bound: Sendable, Hashable {
        package let value: JSONValue
        package let isIncluded: Bool
    }

    /// Nil for no bound.
    package private(set) var lower: Bound?
    package private(set) var upper: Bound?
    /// Whether no value is in it.
    package private(set) var isEmpty = false

    /// All values.
    package static let whole = FieldRange()

    private init() {}

    /// Whether one value alone is in it.
    package func isSingle(_ collation: JSONCollation) -> Bool {
        guard let lower, let upper, lower.isIncluded, upper.isIncluded else { return false }
        return collation.compare(lower.value, upper.value) == .equal
    }

    /// Leaves the values that also have that relation to the value.
    mutating func narrow(_ relation: SelectorNode.Relation, _ value: JSONValue, _ collation: JSONCollation) {
        switch relation {
        case .less: lower(to: Bound(value: value, isIncluded: false), collation)
        case .lessOrEqual: lower(to: Bound(value: value, isIncluded: true), collation)
        case .greater: raise(to: Bound(value: value, isIncluded: false), collation)
        case .greaterOrEqual: raise(to: Bound(value: value, isIncluded: true), collation)
        case .equal:
            raise(to: Bound(value: value, isIncluded: true), collation)
            lower(to: Bound(value: value, isIncluded: true), collation)
        case .unequal: return
        }
        guard let lower, let upper else { return }
        switch collation.compare(lower.value, upper.value) {
        case .less: return
        case .equal: isEmpty = isEmpty || !lower.isIncluded || !upper.isIncluded
        case .greater: isEmpty = true
        }
    }

    private mutating func raise(to bound: Bound, _ collation: JSONCollation) {
        guard let present = lower else {
            lower = bound
            return
        }
        switch collation.compare(bound.value, present.value) {
        case .greater: lower = bound
        case .equal where !bound.isIncluded: lower = bound
        default: return
        }
    }

    private mutating func lower(to bound: Bound, _ collation: JSONCollation) {
        guard let present = upper else {
            upper = bound
            return
        }
        switch collation.compare(bound.value, present.value) {
        case .less: upper = bound
        case .equal where !bound.isIncluded: upper = bound
        default: return
        }
    }
}
