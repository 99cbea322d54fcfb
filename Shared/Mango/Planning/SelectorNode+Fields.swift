import CouchProtocol
import JSON

// What a planner wants to know of conditions. They are those of a whole document, with negations at the ends; `all` is
// looked through everywhere, and what stands below a field is a condition on that field alone.
extension SelectorNode {
    /// The fields that the conditions are about, in their order.
    var fields: [FieldPath] {
        switch self {
        case .all(let nodes), .any(let nodes), .none(let nodes): nodes.flatMap(\.fields)
        case .not(let node): node.fields
        case .field(let path, _): [path]
        default: []
        }
    }

    /// Which of these fields a matching document may lack.
    ///
    /// An `$or` without conditions requires nothing. (CouchDB takes it to require everything, and then misses
    /// documents.)
    func optional(among fields: Set<FieldPath>) -> Set<FieldPath> {
        switch self {
        case .all(let nodes): nodes.reduce(fields) { $1.optional(among: $0) }
        case .any(let nodes) where !nodes.isEmpty:
            nodes.reduce(into: Set<FieldPath>()) { $0.formUnion($1.optional(among: fields)) }
        case .field(_, .exists(false)): fields
        case .field(let path, _): fields.subtracting([path])
        default: fields
        }
    }

    /// Whether the field has the same value in all matching documents.
    func isConstant(_ field: FieldPath) -> Bool {
        switch self {
        case .all(let nodes): nodes.contains { $0.isConstant(field) }
        case .field(let path, .compare(.equal, _)): path == field
        default: false
        }
    }

    /// The fields whose values are known to lie in a range, by their names, each once.
    var indexableFields: [FieldPath] {
        Set(indexable).sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }
    }

    private var indexable: [FieldPath] {
        switch self {
        case .all(let nodes): nodes.flatMap(\.indexable)
        case .field(let path, .compare(let relation, _)): relation == .unequal ? [] : [path]
        case .field(let path, .beginsWith), .field(let path, .exists): [path]
        default: []
        }
    }

    /// Between which values the field lies in all matching documents.
    ///
    /// - Parameter collation: The order of the field's values in the index.
    func range(of field: FieldPath, _ collation: JSONCollation) -> FieldRange {
        var range = FieldRange.whole
        narrow(&range, field, collation)
        return range
    }

    private func narrow(_ range: inout FieldRange, _ field: FieldPath, _ collation: JSONCollation) {
        switch self {
        case .all(let nodes): for node in nodes { node.narrow(&range, field, collation) }
        case .field(field, .compare(let relation, let value)): range.narrow(relation, value, collation)
        case .field(field, .beginsWith(let prefix)):
            let start = field == .id ? prefix : Self.certainStart(of: prefix)
            range.narrow(.greaterOrEqual, .string(start), collation)
            // The last character of the order, and of the ids.
            let last = field == .id ? "\u{10FFFF}\u{10FFFF}" : "\u{FFFF}"
            range.narrow(.lessOrEqual, .string(start + last), collation)
        default: return
        }
    }

    /// As much of a prefix as Unicode's collation surely keeps in front.
    ///
    /// Some letters change places with what follows them (Thai vowels), so that a text does not sort with its prefix.
    private static func certainStart(of prefix: String) -> String {
        String(decoding: prefix.utf8.prefix { $0 < 0x80 }, as: UTF8.self)
    }
}
