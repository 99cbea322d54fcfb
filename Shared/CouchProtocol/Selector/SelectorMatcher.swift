import JSON

/// Decides whether conditions hold.
struct SelectorMatcher {
    let collation: JSONCollation

    func matches(_ node: SelectorNode, _ value: JSONValue) -> Bool {
        switch node {
        case .all(let nodes): return nodes.allSatisfy { matches($0, value) }
        case .any(let nodes): return nodes.isEmpty || nodes.contains { matches($0, value) }
        case .none(let nodes): return !nodes.contains { matches($0, value) }
        case .not(let node): return !matches(node, value)
        case .field(let path, let node): return matchesField(path, node, value)
        case .compare(let relation, let other): return holds(relation, collation.compare(value, other))
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

    /// The conditions for which no values are compared.
    private func matchesShape(_ node: SelectorNode, _ value: JSONValue) -> Bool {
        switch node {
        case .exists(let exists): return exists
        case .type(let name): return value.typeName == name
        case .size(let count): return value.arrayValue?.count == count
        case .modulo(let divisor, let remainder):
            // The least integer has no remainder by -1 that fits; it is 0.
            return value.integer.map { $0.remainderReportingOverflow(dividingBy: divisor).partialValue == remainder }
                ?? false
        case .pattern(let pattern): return value.stringValue.map(pattern.matches) ?? false
        case .beginsWith(let prefix): return value.stringValue?.utf8.starts(with: prefix.utf8) ?? false
        case .containsAll(let wanted): return containsAll(wanted, value)
        default: return false
        }
    }

    private func matchesField(_ path: FieldPath, _ node: SelectorNode, _ value: JSONValue) -> Bool {
        switch path.find(in: value) {
        case .value(let found):
            // Ids are compared by their bytes, whatever the collation.
            let matcher = path.names == ["_id"] ? SelectorMatcher(collation: .codePoints) : self
            return matcher.matches(node, found)
        case .missing: return node == .exists(false)
        case .noWay: return false
        }
    }

    private func holds(_ relation: SelectorNode.Relation, _ comparison: JSONCollation.Comparison) -> Bool {
        switch relation {
        case .less: comparison == .less
        case .lessOrEqual: comparison != .greater
        case .equal: comparison == .equal
        case .unequal: comparison != .equal
        case .greaterOrEqual: comparison != .less
        case .greater: comparison == .greater
        }
    }

    /// Whether the value, or an element of it when it is an array, is one of the candidates.
    private func isAmong(_ candidates: [JSONValue], _ value: JSONValue) -> Bool {
        let values = value.arrayValue ?? [value]
        return candidates.contains { candidate in values.contains { collation.compare($0, candidate) == .equal } }
    }

    /// Whether the array has all of the wanted values; a single one that is an array may also be the array itself.
    private func containsAll(_ wanted: [JSONValue], _ value: JSONValue) -> Bool {
        guard let elements = value.arrayValue, !wanted.isEmpty else { return false }
        if wanted.count == 1, wanted[0].arrayValue != nil, wanted[0] == value { return true }
        return wanted.allSatisfy { elements.contains($0) }
    }
}
