import JSON

/// Decides whether conditions hold of one document, with a limit on the work that it may be.
///
/// A selector has thousands of conditions and a document a million values: conditions that look at all of them, each a
/// little, would go on for hours. When no work is left, nothing holds any more, and the answer counts for nothing.
struct SelectorMatcher {
    /// How much work a document may be, which is a fraction of a second.
    ///
    /// A step of an expression at a byte, a value that a condition looks at, and some bytes of a text are one each.
    static let workLimit = 10_000_000

    /// How strings are compared; for ids another one than for the rest.
    private var collation: JSONCollation
    /// How much work may still be done.
    private(set) var work: Int

    init(collation: JSONCollation, work: Int) {
        self.collation = collation
        self.work = work
    }

    mutating func matches(_ node: SelectorNode, _ value: JSONValue) -> Bool {
        work -= 1
        guard work > 0 else { return false }
        switch node {
        case .all(let nodes): return nodes.allSatisfy { matches($0, value) }
        case .any(let nodes): return nodes.isEmpty || nodes.contains { matches($0, value) }
        case .none(let nodes): return !nodes.contains { matches($0, value) }
        case .not(let node): return !matches(node, value)
        case .field(let path, let node): return matchesField(path, node, value)
        case .compare(let relation, let other): return holds(relation, compare(value, other))
        case .isIn(let candidates): return isAmong(candidates, value)
        case .isNotIn(let candidates): return !isAmong(candidates, value)
        case .someElement(let node): return value.arrayValue?.contains { matches(node, $0) } ?? false
        case .everyElement(let node):
            guard let elements = value.arrayValue, !elements.isEmpty else { return false }
            return elements.allSatisfy { matches(node, $0) }
        case .someKey(let node): return value.objectValue?.names.contains { matches(node, .string($0)) } ?? false
        default: return matchesShape(node, value)
        }
    }

    /// The conditions for which no values are put in order.
    private mutating func matchesShape(_ node: SelectorNode, _ value: JSONValue) -> Bool {
        switch node {
        case .exists(let exists): return exists
        case .type(let name): return value.typeName == name
        case .size(let count): return value.arrayValue?.count == count
        case .modulo(let divisor, let remainder):
            // The least integer has no remainder by -1 that fits; it is 0.
            return value.integer.map { $0.remainderReportingOverflow(dividingBy: divisor).partialValue == remainder }
                ?? false
        case .pattern(let pattern): return value.stringValue.map { pattern.matches($0, work: &work) } ?? false
        case .beginsWith(let prefix):
            work -= prefix.utf8.count / Self.textPart
            return value.stringValue?.utf8.starts(with: prefix.utf8) ?? false
        case .containsAll(let wanted): return containsAll(wanted, value)
        default: return false
        }
    }

    private mutating func matchesField(_ path: FieldPath, _ node: SelectorNode, _ value: JSONValue) -> Bool {
        switch path.find(in: value) {
        case .value(let found):
            guard path.names == ["_id"] else { return matches(node, found) }
            // Ids are compared by their bytes, whatever the collation.
            let others = collation
            defer { collation = others }
            collation = .codePoints
            return matches(node, found)
        case .missing: return node == .exists(false)
        case .noWay: return false
        }
    }

    private func holds(_ relation: SelectorNode.Relation, _ comparison: JSONCollation.Comparison?) -> Bool {
        switch (relation, comparison) {
        case (_, nil): false
        case (.less, _): comparison == .less
        case (.lessOrEqual, _): comparison != .greater
        case (.equal, _): comparison == .equal
        case (.unequal, _): comparison != .equal
        case (.greaterOrEqual, _): comparison != .less
        case (.greater, _): comparison == .greater
        }
    }

    /// Whether the value, or an element of it when it is an array, is one of the candidates.
    private mutating func isAmong(_ candidates: [JSONValue], _ value: JSONValue) -> Bool {
        let values = value.arrayValue ?? [value]
        for candidate in candidates {
            for value in values {
                guard work > 0 else { return false }
                if compare(value, candidate) == .equal { return true }
            }
        }
        return false
    }

    /// Whether the array has all of the wanted values; a single one that is an array may also be the array itself.
    private mutating func containsAll(_ wanted: [JSONValue], _ value: JSONValue) -> Bool {
        guard let elements = value.arrayValue, !wanted.isEmpty else { return false }
        if wanted.count == 1, wanted[0].arrayValue != nil, isSame(wanted[0], value) { return true }
        for value in wanted {
            var isThere = false
            for element in elements where !isThere {
                guard work > 0 else { return false }
                isThere = isSame(element, value)
            }
            guard isThere else { return false }
        }
        return true
    }

    // MARK: - Work

    /// How many bytes of a text are as much work as a value.
    private static let textPart = 16

    /// What the first value is in comparison with the second; nil when there is not enough work left to find out.
    private mutating func compare(_ lhs: JSONValue, _ rhs: JSONValue) -> JSONCollation.Comparison? {
        guard takeWork(lhs, rhs) else { return nil }
        return collation.compare(lhs, rhs)
    }

    private mutating func isSame(_ lhs: JSONValue, _ rhs: JSONValue) -> Bool { takeWork(lhs, rhs) && lhs == rhs }

    /// Takes off what it is to compare two values: at most what the lesser of them is to go through.
    private mutating func takeWork(_ lhs: JSONValue, _ rhs: JSONValue) -> Bool {
        let most = Self.work(on: lhs, atMost: work)
        work -= Self.work(on: rhs, atMost: most)
        return work > 0
    }

    /// How many values there are, those within included, with their texts; no more than the limit, and no less than 1.
    private static func work(on value: JSONValue, atMost limit: Int) -> Int {
        var found = 1
        switch value {
        case .null, .bool: break
        case .number(let number): found += number.text.utf8.count / textPart
        case .string(let text): found += text.utf8.count / textPart
        case .array(let elements):
            for element in elements where found < limit { found += work(on: element, atMost: limit - found) }
        case .object(let members):
            for (name, member) in members {
                guard found < limit else { break }
                found += name.utf8.count / textPart + work(on: member, atMost: limit - found)
            }
        }
        return max(1, min(found, limit))
    }
}
