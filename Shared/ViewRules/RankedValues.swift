import Collation
import JSON

/// `_top_N` and `_bottom_N`: the greatest or the least values in the order of keys, each once.
package struct RankedValues: Sendable {
    private struct Entry {
        let order: [UInt8]
        let text: [UInt8]
    }

    private let count: Int
    private let isTop: Bool
    private var entries: [Entry] = []

    init(_ count: Int, isTop: Bool) {
        self.count = count
        self.isTop = isTop
    }

    init(_ count: Int, isTop: Bool, stored bytes: [UInt8]) throws {
        self.init(count, isTop: isTop)
        for range in try JSONScan(bytes, limits: Self.limits).elements { try add(Array(bytes[range])) }
    }

    /// Values were looked at when they came; whatever is kept can be read.
    private static let limits = JSONLimits()

    mutating func add(_ text: [UInt8]) throws {
        insert(Entry(order: try CollationKey(text[...]).bytes, text: text))
    }

    mutating func merge(_ other: RankedValues) {
        for entry in other.entries { insert(entry) }
    }

    private mutating func insert(_ entry: Entry) {
        let place = entries.firstIndex { !comesBefore($0.order, entry.order) } ?? entries.count
        if place < entries.count, entries[place].order == entry.order { return }
        guard place < count else { return }
        entries.insert(entry, at: place)
        if entries.count > count { entries.removeLast() }
    }

    private func comesBefore(_ lhs: [UInt8], _ rhs: [UInt8]) -> Bool {
        isTop ? rhs.lexicographicallyPrecedes(lhs) : lhs.lexicographicallyPrecedes(rhs)
    }

    /// A JSON array.
    var value: [UInt8] {
        var output = [UInt8(ascii: "[")]
        for (place, entry) in entries.enumerated() {
            if place > 0 { output.append(UInt8(ascii: ",")) }
            output += entry.text
        }
        output.append(UInt8(ascii: "]"))
        return output
    }
}

/// `_first` and `_last`: the value of the row with the least or the greatest key.
package struct EdgeValue: Sendable {
    struct Row: Sendable {
        let key: [UInt8]
        let id: String
        let value: [UInt8]
    }

    private let isFirst: Bool
    private(set) var row: Row?

    init(isFirst: Bool) {
        self.isFirst = isFirst
    }

    init(isFirst: Bool, stored bytes: [UInt8]) {
        self.isFirst = isFirst
        var rest = bytes[...]
        guard let key = Self.part(&rest), let id = Self.part(&rest) else { return }
        row = Row(key: key, id: String(decoding: id, as: UTF8.self), value: Array(rest))
    }

    mutating func take(_ other: Row) {
        guard let row else {
            self.row = other
            return
        }
        let isEarlier = Self.comesBefore(other, row)
        // Of rows at the same place the first is the first, and the last the last.
        if isFirst ? isEarlier : !isEarlier { self.row = other }
    }

    private static func comesBefore(_ lhs: Row, _ rhs: Row) -> Bool {
        if lhs.key != rhs.key { return lhs.key.lexicographicallyPrecedes(rhs.key) }
        return lhs.id.utf8.lexicographicallyPrecedes(rhs.id.utf8)
    }

    /// Key and id, each behind its length, and the value; empty for none.
    var bytes: [UInt8] {
        guard let row else { return [] }
        var output: [UInt8] = []
        for part in [row.key, Array(row.id.utf8)] {
            for shift in [24, 16, 8, 0] { output.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
            output += part
        }
        return output + row.value
    }

    private static func part(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(4)
        guard rest.count >= length else { return nil }
        defer { rest = rest.dropFirst(length) }
        return Array(rest.prefix(length))
    }
}
