import CouchProtocol
import JSON

/// What some rows were reduced to, and can be reduced further.
package enum Reduction: Sendable {
    case count(Int)
    case sum(SumOfValues)
    case stats(Statistics)
    case distinct(HyperLogLog)
    case ranked(RankedValues)
    case edge(EdgeValue)
    /// The JSON text that a function made.
    case custom([UInt8])

    /// Takes a row in.
    ///
    /// - Parameters:
    ///   - order: The row's collation key.
    ///   - id: Its document.
    ///   - value: Its value as JSON text.
    ///   - name: What errors call the function.
    package mutating func add(order: [UInt8], id: String, value: [UInt8], name: String) throws {
        switch self {
        case .count(let count): self = .count(count + 1)
        case .sum(var sum):
            self = .count(0)
            sum.add(value)
            self = .sum(sum)
        case .stats(var stats):
            self = .count(0)
            try stats.add(try JSONValue(parsing: value), name: name)
            self = .stats(stats)
        case .distinct(var filter):
            self = .count(0)
            filter.insert(order)
            self = .distinct(filter)
        case .ranked(var values):
            self = .count(0)
            try values.add(value)
            self = .ranked(values)
        case .edge(var edge):
            edge.take(EdgeValue.Row(key: order, id: id, value: value))
            self = .edge(edge)
        case .custom: preconditionFailure("a function's reduction takes no rows")
        }
    }

    /// Takes the reduction of other rows in.
    package mutating func merge(_ other: Reduction, name: String) throws {
        switch (self, other) {
        case (.count(let left), .count(let right)): self = .count(left + right)
        case (.sum(var left), .sum(let right)):
            left.merge(right)
            self = .sum(left)
        case (.stats(var left), .stats(let right)):
            try left.merge(right, name: name)
            self = .stats(left)
        case (.distinct(var left), .distinct(let right)):
            self = .count(0)
            left.merge(right)
            self = .distinct(left)
        case (.ranked(var left), .ranked(let right)):
            left.merge(right)
            self = .ranked(left)
        case (.edge(var left), .edge(let right)):
            if let row = right.row { left.take(row) }
            self = .edge(left)
        default: preconditionFailure("reductions of different functions")
        }
    }

    /// The value that a client gets.
    package var result: [UInt8] {
        switch self {
        case .count(let count): Array(String(count).utf8)
        case .sum(let sum): sum.value.bytes
        case .stats(let stats): stats.value.bytes
        case .distinct(let filter): Array(String(filter.estimate).utf8)
        case .ranked(let values): values.value
        case .edge(let edge): edge.row?.value ?? Array("null".utf8)
        case .custom(let text): text
        }
    }

    /// The reduction as it is kept, of which ``init(_:as:)`` makes it again.
    package var bytes: [UInt8] {
        switch self {
        case .count, .sum, .ranked, .custom: result
        case .stats(let stats): stats.stored.bytes
        case .distinct(let filter): filter.bytes
        case .edge(let edge): edge.bytes
        }
    }

    /// The reduction that is kept as these bytes.
    ///
    /// - Parameter function: What made it; nil for a function in JavaScript.
    package init(_ bytes: [UInt8], by function: BuiltInReduce?) throws {
        guard let function else {
            self = .custom(bytes)
            return
        }
        switch function {
        case .count: self = .count(try JSONValue(parsing: bytes).intValue ?? 0)
        case .sum:
            var sum = SumOfValues.start
            sum.add(bytes)
            self = .sum(sum)
        case .stats: self = .stats(Statistics(stored: try JSONValue(parsing: bytes)))
        case .distinct: self = .distinct(HyperLogLog(bytes))
        case .top(let count): self = .ranked(try RankedValues(count, isTop: true, stored: bytes))
        case .bottom(let count): self = .ranked(try RankedValues(count, isTop: false, stored: bytes))
        case .first: self = .edge(EdgeValue(isFirst: true, stored: bytes))
        case .last: self = .edge(EdgeValue(isFirst: false, stored: bytes))
        }
    }
}
