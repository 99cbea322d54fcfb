import CouchProtocol
import JSON

/// `_stats`: sum, count, least, greatest and sum of squares, of numbers, or of arrays of them place by place.
package enum Statistics: Sendable {
    /// Of nothing.
    case start
    case one(Figures)
    case places([Figures])

    package struct Figures: Sendable {
        var sum: Number
        var count: Number
        var min: Number
        var max: Number
        var squares: Number

        init(_ number: Number) {
            (sum, count, min, max, squares) = (number, .whole(1), number, number, number.squared)
        }

        /// Figures that were made before, by this or by a map.
        init(object: JSONValue, name: String) throws(CouchError) {
            func figure(_ member: String) throws(CouchError) -> Number {
                guard let value = object[member] else {
                    throw Statistics.invalid("user _stats input missing required field \(member)", name)
                }
                guard let number = Number(value) else {
                    throw Statistics.invalid("non-numeric _stats input received for \(member)", name)
                }
                return number
            }
            sum = try figure("sum")
            count = try figure("count")
            min = try figure("min")
            max = try figure("max")
            squares = try figure("sumsqr")
        }

        mutating func merge(_ other: Figures) {
            sum = sum + other.sum
            count = count + other.count
            min = .min(min, other.min)
            max = .max(max, other.max)
            squares = squares + other.squares
        }

        var json: JSONValue {
            ["sum": sum.json, "count": count.json, "min": min.json, "max": max.json, "sumsqr": squares.json]
        }
    }

    mutating func add(_ value: JSONValue, name: String) throws(CouchError) {
        try merge(try Self.of(value, name: name), name: name)
    }

    mutating func merge(_ other: Statistics, name: String) throws(CouchError) {
        switch (self, other) {
        case (_, .start): break
        case (.start, _): self = other
        case (.one(var left), .one(let right)):
            left.merge(right)
            self = .one(left)
        case (.places(var left), .places(let right)) where left.count == right.count:
            for place in left.indices { left[place].merge(right[place]) }
            self = .places(left)
        default: throw Self.invalid("values of different shapes", name)
        }
    }

    private static func of(_ value: JSONValue, name: String) throws(CouchError) -> Statistics {
        switch value {
        case .array(let values):
            var places: [Figures] = []
            for value in values {
                guard case .one(let figures) = try of(value, name: name) else {
                    throw invalid("non-numeric _stats input", name)
                }
                places.append(figures)
            }
            return .places(places)
        case .object: return .one(try Figures(object: value, name: name))
        default:
            guard let number = Number(value) else { throw invalid("non-numeric _stats input: \(value.text)", name) }
            return .one(Figures(number))
        }
    }

    /// The answer to rows of which there are no figures.
    private static func invalid(_ reason: String, _ name: String) -> CouchError {
        CouchError(status: 500, error: "invalid_value", reason: "\(name): \(reason.prefix(500))")
    }

    var value: JSONValue {
        switch self {
        case .start: ["sum": 0, "count": 0, "min": 0, "max": 0, "sumsqr": 0]
        case .one(let figures): figures.json
        case .places(let places): .array(places.map(\.json))
        }
    }

    /// As it is kept.
    var stored: JSONValue {
        guard case .start = self else { return value }
        return .null
    }

    init(stored value: JSONValue) {
        self = (try? Self.of(value, name: "")) ?? .start
    }
}
