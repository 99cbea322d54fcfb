package import JSON

/// Makes conditions of the JSON of a selector, with the fields pushed down to the operators.
struct SelectorParser {
    let limits: SelectorLimits
    private var nodes = 0
    /// How many steps all expressions have together.
    private var steps = 0

    init(_ limits: SelectorLimits) {
        self.limits = limits
    }

    /// The conditions of a selector that is not empty.
    mutating func parse(_ selector: JSONObject) throws(CouchError) -> SelectorNode {
        try condition(.object(selector), at: .root, depth: 0)
    }

    private mutating func condition(
        _ value: JSONValue,
        at path: FieldPath,
        depth: Int
    ) throws(CouchError) -> SelectorNode {
        nodes += 1
        guard nodes <= limits.conditions else { throw limits.tooMany }
        guard depth <= limits.depth else { throw limits.tooDeep }
        guard case .object(let members) = value, !members.isEmpty else {
            // A bare value is what the field must be.
            return Self.node(.compare(.equal, value), at: path)
        }
        var all: [SelectorNode] = []
        for (name, argument) in members {
            all.append(try condition(name, argument, at: path, depth: depth))
        }
        return all.count == 1 ? all[0] : .all(all)
    }

    private mutating func condition(
        _ name: String,
        _ argument: JSONValue,
        at path: FieldPath,
        depth: Int
    ) throws(CouchError) -> SelectorNode {
        guard name.utf8.first == UInt8(ascii: "$") else {
            let inner = path.appending(try FieldPath(parsing: name))
            guard inner.names.count <= limits.depth else { throw limits.tooDeep }
            return try condition(argument, at: inner, depth: depth + 1)
        }
        switch name {
        case "$and": return .all(try conditions(name, argument, at: path, depth: depth))
        case "$or": return .any(try conditions(name, argument, at: path, depth: depth))
        case "$nor": return .none(try conditions(name, argument, at: path, depth: depth))
        case "$not":
            guard case .object = argument else { throw Self.badArgument(name, argument) }
            return .not(try condition(argument, at: path, depth: depth + 1))
        case "$elemMatch": return Self.node(.someElement(try inner(name, argument, depth)), at: path)
        case "$allMatch": return Self.node(.everyElement(try inner(name, argument, depth)), at: path)
        case "$keyMapMatch": return Self.node(.someKey(try inner(name, argument, depth)), at: path)
        default: return Self.node(try terminal(name, argument), at: path)
        }
    }

    private mutating func conditions(
        _ name: String,
        _ argument: JSONValue,
        at path: FieldPath,
        depth: Int
    ) throws(CouchError) -> [SelectorNode] {
        guard let list = argument.arrayValue else { throw Self.badArgument(name, argument) }
        var result: [SelectorNode] = []
        for element in list { result.append(try condition(element, at: path, depth: depth + 1)) }
        return result
    }

    /// The conditions for what is within the value: fields begin anew there.
    private mutating func inner(
        _ name: String,
        _ argument: JSONValue,
        _ depth: Int
    ) throws(CouchError) -> SelectorNode {
        guard case .object = argument else { throw Self.badArgument(name, argument) }
        return try condition(argument, at: .root, depth: depth + 1)
    }

    private static func node(_ terminal: SelectorNode, at path: FieldPath) -> SelectorNode {
        path.names.isEmpty ? terminal : .field(path, terminal)
    }
}

// The operators that look at one value.
extension SelectorParser {
    private mutating func terminal(_ name: String, _ argument: JSONValue) throws(CouchError) -> SelectorNode {
        switch name {
        case "$lt": return .compare(.less, argument)
        case "$lte": return .compare(.lessOrEqual, argument)
        case "$eq": return .compare(.equal, argument)
        case "$ne": return .compare(.unequal, argument)
        case "$gte": return .compare(.greaterOrEqual, argument)
        case "$gt": return .compare(.greater, argument)
        case "$where", "$geoWithin", "$geoIntersects", "$near", "$nearSphere", "$text":
            // `$text` needs a text index, which CouchDB has only with a search plug-in.
            throw CouchError(status: 400, error: "not_supported", reason: "Unsupported operator: \(name)")
        default:
            guard let node = try checked(name, argument) else {
                throw CouchError(status: 400, error: "invalid_operator", reason: "Invalid operator: \(name)")
            }
            return node
        }
    }

    /// The condition of an operator that does not take every argument; nil when there is no such operator.
    private mutating func checked(_ name: String, _ argument: JSONValue) throws(CouchError) -> SelectorNode? {
        let node: SelectorNode?
        switch name {
        case "$in": node = argument.arrayValue.map(SelectorNode.isIn)
        case "$nin": node = argument.arrayValue.map(SelectorNode.isNotIn)
        case "$all": node = argument.arrayValue.map(SelectorNode.containsAll)
        case "$exists": node = argument.boolValue.map(SelectorNode.exists)
        case "$type": node = argument.stringValue.map(SelectorNode.type)
        case "$size": node = argument.integer.flatMap { $0 >= 0 ? .size($0) : nil }
        case "$beginsWith": node = argument.stringValue.map(SelectorNode.beginsWith)
        case "$mod": node = Self.modulo(argument)
        case "$regex": node = try pattern(argument)
        default: return nil
        }
        guard let node else { throw Self.badArgument(name, argument) }
        return node
    }

    /// The condition of an expression; nil when it is none.
    private mutating func pattern(_ argument: JSONValue) throws(CouchError) -> SelectorNode? {
        guard let text = argument.stringValue, let pattern = try? TextPattern(text, limits: limits.pattern) else {
            return nil
        }
        steps += pattern.stepCount
        guard steps <= limits.patternSteps else { throw limits.tooManySteps }
        return .pattern(pattern)
    }

    private static func modulo(_ argument: JSONValue) -> SelectorNode? {
        guard let list = argument.arrayValue, list.count == 2, let divisor = list[0].integer,
            let remainder = list[1].integer, divisor != 0
        else { return nil }
        return .modulo(divisor: divisor, remainder: remainder)
    }

    static func badArgument(_ name: String, _ argument: JSONValue) -> CouchError {
        CouchError(
            status: 400,
            error: "bad_arg",
            reason: "Bad argument for operator \(name): \(ErlangTerm.text(of: argument))"
        )
    }
}

extension JSONValue {
    /// The number when it is written as a whole one: to CouchDB `10.0` is none.
    package var integer: Int? {
        guard case .number(let number) = self else { return nil }
        return Int(number.text)
    }
}
