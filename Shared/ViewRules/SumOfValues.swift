package import JSON

/// `_sum`: of numbers, of arrays place by place, of objects member by member.
///
/// What cannot be added becomes the error object that CouchDB answers as the value, and stays it
/// (`couch_query_servers:sum_values/2`).
package enum SumOfValues: Sendable {
    case number(Number)
    case array([Number])
    case object(JSONObject)
    case error(JSONValue)

    /// The sum of nothing.
    static let start = SumOfValues.number(.whole(0))

    var value: JSONValue {
        switch self {
        case .number(let number): number.json
        case .array(let numbers): .array(numbers.map(\.json))
        case .object(let members): .object(members)
        case .error(let error): error
        }
    }

    /// Adds a value's JSON text.
    mutating func add(_ text: [UInt8]) {
        if case .number(.whole(let sum)) = self, let small = Self.smallWhole(text) {
            // Fifteen digits at a time do not overflow before the sum is beyond what JSON's readers take exactly.
            self = .number(.whole(sum) + .whole(small))
            return
        }
        guard let value = try? JSONValue(parsing: text) else { return fail(.null) }
        add(value)
    }

    mutating func merge(_ other: SumOfValues) {
        if case .number(let left) = self, case .number(let right) = other {
            self = .number(left + right)
        } else {
            add(other.value)
        }
    }

    private mutating func add(_ value: JSONValue) {
        if case .error = self { return }
        if case .object(let members) = value, members["error"] == "builtin_reduce_error" {
            self = .error(value)
            return
        }
        do {
            self = try Self.sum(self, value)
        } catch {
            fail(error.value)
        }
    }

    private mutating func fail(_ cause: JSONValue) {
        self = .error(["error": "builtin_reduce_error", "reason": .string(Self.reason), "caused_by": cause])
    }

    /// A value that cannot be added.
    private struct NotAddable: Error {
        let value: JSONValue
    }

    private static func sum(_ sum: SumOfValues, _ value: JSONValue) throws(NotAddable) -> SumOfValues {
        switch (sum, value) {
        case (.number(let left), .number): return .number(left + (try number(value)))
        case (.number(let left), .array(let right)): return .array(try add([left], right))
        case (.array(let left), .number): return .array(try add(left, [value]))
        case (.array(let left), .array(let right)): return .array(try add(left, right))
        case (.number(.whole(0)), .object(let right)): return .object(right)
        case (.object(let left), .object(let right)): return .object(try add(left, right))
        default: throw NotAddable(value: value)
        }
    }

    private static func number(_ value: JSONValue) throws(NotAddable) -> Number {
        guard let number = Number(value) else { throw NotAddable(value: value) }
        return number
    }

    private static func add(_ lhs: [Number], _ rhs: [JSONValue]) throws(NotAddable) -> [Number] {
        var sums = lhs
        for (place, value) in rhs.enumerated() {
            let number = try number(value)
            if place < sums.count { sums[place] = sums[place] + number } else { sums.append(number) }
        }
        return sums
    }

    private static func add(_ lhs: JSONObject, _ rhs: JSONObject) throws(NotAddable) -> JSONObject {
        var sums = lhs
        for (name, value) in rhs {
            guard let known = sums[name] else {
                sums[name] = value
                continue
            }
            sums[name] = try sum(of(known), value).value
        }
        return sums
    }

    private static func of(_ value: JSONValue) throws(NotAddable) -> SumOfValues {
        switch value {
        case .number: .number(try number(value))
        case .array(let values): .array(try add([], values))
        case .object(let members): .object(members)
        default: throw NotAddable(value: value)
        }
    }

    private static let reason =
        "The _sum function requires that map values be numbers, arrays of numbers, or objects. Objects cannot be "
        + "mixed with other data structures. Objects can be arbitrarily nested, provided that the values for all "
        + "fields are themselves numbers, arrays of numbers, or objects."

    private static func smallWhole(_ text: [UInt8]) -> Int? {
        guard 1...15 ~= text.count else { return nil }
        var result = 0
        for byte in text {
            guard 0x30...0x39 ~= byte else { return nil }
            result = result * 10 + Int(byte - 0x30)
        }
        return result
    }
}
