package import JSON

extension Selector {
    /// The selector as CouchDB keeps and shows it: each condition with its field and its operator, joined by `$and`
    /// and `$or`.
    package var json: JSONValue { isEmpty ? [:] : root.json }
}

extension SelectorNode {
    fileprivate var json: JSONValue {
        switch self {
        case .all(let nodes): ["$and": .array(nodes.map(\.json))]
        case .any(let nodes): ["$or": .array(nodes.map(\.json))]
        case .none(let nodes): ["$nor": .array(nodes.map(\.json))]
        case .not(let node): ["$not": node.json]
        case .field(let path, let node): .object(JSONObject([(path.text, node.json)]))
        case .compare(let relation, let value): .object(JSONObject([(relation.name, value)]))
        case .isIn(let values): ["$in": .array(values)]
        case .isNotIn(let values): ["$nin": .array(values)]
        case .containsAll(let values): ["$all": .array(values)]
        case .exists(let exists): ["$exists": .bool(exists)]
        case .type(let name): ["$type": .string(name)]
        case .size(let count): ["$size": .number(JSONNumber(count))]
        case .modulo(let divisor, let remainder):
            ["$mod": [.number(JSONNumber(divisor)), .number(JSONNumber(remainder))]]
        case .pattern(let pattern): ["$regex": .string(pattern.text)]
        case .beginsWith(let prefix): ["$beginsWith": .string(prefix)]
        case .someElement(let node): ["$elemMatch": node.json]
        case .everyElement(let node): ["$allMatch": node.json]
        case .someKey(let node): ["$keyMapMatch": node.json]
        }
    }
}

extension SelectorNode.Relation {
    fileprivate var name: String {
        switch self {
        case .less: "$lt"
        case .lessOrEqual: "$lte"
        case .equal: "$eq"
        case .unequal: "$ne"
        case .greaterOrEqual: "$gte"
        case .greater: "$gt"
        }
    }
}
