import JSON
import TestSupport
import Testing

@testable import CouchProtocol

/// Random selectors against a second implementation, which evaluates the JSON as it stands, negations included.
@Suite struct SelectorModelTests {
    @Test func `random selectors match what the plain evaluation says`() throws {
        var random = SeededGenerator(seed: 20_261_126)
        var matched = 0
        for _ in 0..<20_000 {
            let selector = SelectorMaker.selector(depth: 3, &random)
            let document = SelectorMaker.document(&random)
            let expected = PlainSelector.evaluate(selector, [], document, isNegated: false)
            let result = try Selector(parsing: selector).matches(document)
            #expect(result == expected, "\(selector.text) on \(document.text)")
            if result { matched += 1 }
        }
        // Neither of the answers is rare.
        #expect(2_000...18_000 ~= matched)
    }
}

/// Makes selectors and documents in which the same few names and values come up again and again.
private enum SelectorMaker {
    static let names = ["a", "b", "c"]

    static func document(_ random: inout SeededGenerator) -> JSONValue {
        .object(JSONObject(names.compactMap { name in Bool.random(using: &random) ? (name, value(2, &random)) : nil }))
    }

    static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3: return .number(JSONNumber(Int.random(in: 0...3, using: &random)))
        case 4, 5: return .string(["", "x", "xy", "y"].randomElement(using: &random) ?? "")
        case 6: return .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth - 1, &random) })
        default:
            return .object(
                JSONObject(names.prefix(Int.random(in: 0...2, using: &random)).map { ($0, value(depth - 1, &random)) })
            )
        }
    }

    static func selector(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 2), using: &random) {
        case 0, 1: return .object(JSONObject([(path(&random), condition(depth: depth, &random))]))
        case 2: return .object(JSONObject(names.prefix(2).map { ($0, condition(depth: depth - 1, &random)) }))
        case 3: return ["$not": selector(depth: depth - 1, &random)]
        case 4: return ["$and": list(depth: depth - 1, &random)]
        case 5: return ["$or": list(depth: depth - 1, &random)]
        default: return ["$nor": list(depth: depth - 1, &random)]
        }
    }

    private static func list(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        .array((0..<Int.random(in: 0...2, using: &random)).map { _ in selector(depth: depth, &random) })
    }

    private static func path(_ random: inout SeededGenerator) -> String {
        let name = names.randomElement(using: &random) ?? ""
        return Int.random(in: 0..<3, using: &random) == 0
            ? name + "." + (["a", "0", "1"].randomElement(using: &random) ?? "") : name
    }

    private static func condition(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        let operators = ["$lt", "$lte", "$eq", "$ne", "$gte", "$gt"]
        switch Int.random(in: 0..<(depth > 0 ? 12 : 9), using: &random) {
        case 0, 1: return .object(JSONObject([(operators.randomElement(using: &random) ?? "", value(1, &random))]))
        case 2: return ["$exists": .bool(Bool.random(using: &random))]
        case 3: return ["$in": .array((0..<2).map { _ in value(1, &random) })]
        case 4: return ["$nin": .array((0..<2).map { _ in value(1, &random) })]
        case 5: return ["$type": .string(["null", "number", "string", "array"].randomElement(using: &random) ?? "")]
        case 6: return ["$size": .number(JSONNumber(Int.random(in: 0...2, using: &random)))]
        case 7: return ["$beginsWith": "x"]
        case 8: return value(1, &random).objectValue == nil ? value(0, &random) : ["$all": [value(1, &random)]]
        case 9: return ["$not": condition(depth: depth - 1, &random).asOperators]
        case 10: return ["$elemMatch": condition(depth: depth - 1, &random).asOperators]
        default: return ["$or": [condition(depth: depth - 1, &random), condition(depth: depth - 1, &random)]]
        }
    }
}

extension JSONValue {
    /// A condition as an object of operators.
    fileprivate var asOperators: JSONValue { objectValue.map { $0.isEmpty ? ["$eq": [:]] : self } ?? ["$eq": self] }
}

/// A selector evaluated without being normalised: a negation is carried along and turned into the other operator.
private enum PlainSelector {
    static func evaluate(_ selector: JSONValue, _ path: [String], _ document: JSONValue, isNegated: Bool) -> Bool {
        guard let members = selector.objectValue, !members.isEmpty else {
            return terminal("$eq", selector, path, document, isNegated: isNegated)
        }
        let results = members.map { name, argument -> Bool in
            switch name {
            case "$not": return evaluate(argument, path, document, isNegated: !isNegated)
            case "$and": return join(argument, path, document, isNegated: isNegated, isAll: !isNegated)
            case "$or": return join(argument, path, document, isNegated: isNegated, isAll: isNegated)
            case "$nor": return join(argument, path, document, isNegated: !isNegated, isAll: !isNegated)
            case _ where name.hasPrefix("$"): return terminal(name, argument, path, document, isNegated: isNegated)
            default:
                let names = name.split(separator: ".").map(String.init)
                return evaluate(argument, path + names, document, isNegated: isNegated)
            }
        }
        if results.count == 1 { return results[0] }
        return isNegated ? results.contains(true) : !results.contains(false)
    }

    private static func join(
        _ list: JSONValue,
        _ path: [String],
        _ document: JSONValue,
        isNegated: Bool,
        isAll: Bool
    ) -> Bool {
        let results = (list.arrayValue ?? []).map { evaluate($0, path, document, isNegated: isNegated) }
        return results.isEmpty || (isAll ? !results.contains(false) : results.contains(true))
    }

    private static func terminal(
        _ name: String,
        _ argument: JSONValue,
        _ path: [String],
        _ document: JSONValue,
        isNegated: Bool
    ) -> Bool {
        var value = document
        for (index, step) in path.enumerated() {
            if let members = value.objectValue {
                guard let member = members[step] else {
                    let isLast = index <= path.count - 1
                    return isLast && name == "$exists" && argument.boolValue == isNegated
                }
                value = member
            } else if let elements = value.arrayValue, let place = Int(step), place < elements.count {
                value = elements[place]
            } else {
                return false
            }
        }
        return holds(name, argument, value) != isNegated
    }

    private static func holds(_ name: String, _ argument: JSONValue, _ value: JSONValue) -> Bool {
        let order = JSONCollation.codePoints.compare(value, argument)
        let list = argument.arrayValue ?? []
        switch name {
        case "$lt": return order == .less
        case "$lte": return order == .less || order == .equal
        case "$eq": return value == argument
        case "$ne": return value != argument
        case "$gte": return order == .greater || order == .equal
        case "$gt": return order == .greater
        case "$exists": return argument == true
        case "$in": return list.contains { candidate in (value.arrayValue ?? [value]).contains(candidate) }
        case "$nin": return !list.contains { candidate in (value.arrayValue ?? [value]).contains(candidate) }
        case "$type": return value.typeName == argument.stringValue
        case "$size": return value.arrayValue.map { $0.count == argument.intValue } ?? false
        case "$beginsWith": return value.stringValue?.hasPrefix(argument.stringValue ?? "") ?? false
        case "$all":
            guard let elements = value.arrayValue else { return false }
            return Set(list).isSubset(of: Set(elements)) || (list == [value] && list[0].arrayValue != nil)
        case "$elemMatch":
            return value.arrayValue?.contains { inner(argument, $0) } ?? false
        default: return false
        }
    }

    /// Within an element, CouchDB does not move negations: they are what they say.
    private static func inner(_ selector: JSONValue, _ value: JSONValue) -> Bool {
        guard let members = selector.objectValue, !members.isEmpty else { return value == selector }
        return members.allSatisfy { name, argument in
            switch name {
            case "$not": return !inner(argument, value)
            case "$or":
                let list = argument.arrayValue ?? []
                return list.isEmpty || list.contains { inner($0, value) }
            case _ where name.hasPrefix("$"): return holds(name, argument, value)
            default: return value[name].map { inner(argument, $0) } ?? false
            }
        }
    }
}
