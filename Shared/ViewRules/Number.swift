import JSON

/// A number that is added up: exact while it is whole and fits, else a double.
package enum Number: Sendable {
    case whole(Int)
    case double(Double)

    init?(_ value: JSONValue) {
        guard case .number(let number) = value else { return nil }
        self = number.int.map { .whole($0) } ?? .double(number.double)
    }

    var double: Double {
        switch self {
        case .whole(let value): Double(value)
        case .double(let value): value
        }
    }

    var json: JSONValue {
        switch self {
        case .whole(let value): .number(JSONNumber(value))
        case .double(let value): .number(JSONNumber(value))
        }
    }

    static func + (lhs: Number, rhs: Number) -> Number {
        if case .whole(let left) = lhs, case .whole(let right) = rhs {
            let (sum, overflows) = left.addingReportingOverflow(right)
            if !overflows { return .whole(sum) }
        }
        return .double(lhs.double + rhs.double)
    }

    var squared: Number {
        if case .whole(let value) = self {
            let (square, overflows) = value.multipliedReportingOverflow(by: value)
            if !overflows { return .whole(square) }
        }
        return .double(double * double)
    }

    static func min(_ lhs: Number, _ rhs: Number) -> Number { rhs.double < lhs.double ? rhs : lhs }
    static func max(_ lhs: Number, _ rhs: Number) -> Number { rhs.double > lhs.double ? rhs : lhs }
}
