package import JSON

/// One condition of a selector.
package indirect enum SelectorNode: Sendable, Hashable {
    package enum Relation: Sendable, Hashable {
        case less, lessOrEqual, equal, unequal, greaterOrEqual, greater

        /// The relation that holds when this one does not.
        var opposite: Relation {
            switch self {
            case .less: .greaterOrEqual
            case .lessOrEqual: .greater
            case .equal: .unequal
            case .unequal: .equal
            case .greaterOrEqual: .less
            case .greater: .lessOrEqual
            }
        }
    }

    // What joins other conditions. An empty list holds always, as in CouchDB.
    case all([SelectorNode])
    case any([SelectorNode])
    case none([SelectorNode])
    case not(SelectorNode)
    /// What is at the end of the path; when nothing is there only `exists(false)` holds.
    case field(FieldPath, SelectorNode)

    // What looks at one value.
    case compare(Relation, JSONValue)
    case isIn([JSONValue])
    case isNotIn([JSONValue])
    case containsAll([JSONValue])
    case exists(Bool)
    case type(String)
    case size(Int)
    case modulo(divisor: Int, remainder: Int)
    case pattern(TextPattern)
    case beginsWith(String)
    case someElement(SelectorNode)
    case everyElement(SelectorNode)
    case someKey(SelectorNode)

    /// Whether it joins conditions or names a field, so that it makes sense for a whole document.
    var isAboutDocument: Bool {
        switch self {
        case .all, .any, .none, .field: true
        case .not(let node): node.isAboutDocument
        default: false
        }
    }
}

// Negations are moved to the ends of the tree (De Morgan), where they become the opposite operator. It is CouchDB's
// way, and it shows: `{"$not": {"a": 5}}` becomes `{"a": {"$ne": 5}}`, which a document without `a` does not match.
extension SelectorNode {
    /// The same conditions with all negations at the ends.
    var normalized: SelectorNode {
        switch self {
        case .not(let node): node.negated
        case .none(let nodes): .all(nodes.map(\.negated))
        case .all(let nodes): .all(nodes.map(\.normalized))
        case .any(let nodes): .any(nodes.map(\.normalized))
        default: self
        }
    }

    private var negated: SelectorNode {
        switch self {
        case .not(let node): node.normalized
        case .none(let nodes): .any(nodes.map(\.normalized))
        case .all(let nodes): .any(nodes.map(\.negated))
        case .any(let nodes): .all(nodes.map(\.negated))
        case .field(let path, let node): .field(path, node.negated)
        case .compare(let relation, let value): .compare(relation.opposite, value)
        case .isIn(let values): .isNotIn(values)
        case .isNotIn(let values): .isIn(values)
        case .exists(let exists): .exists(!exists)
        default: .not(self)
        }
    }
}
