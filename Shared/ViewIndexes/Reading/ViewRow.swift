import DocumentStore
import Postgres

/// A row of a view.
package struct ViewRow: Sendable {
    /// The document that it is of.
    package let id: String
    /// The key and the value as JSON texts.
    package let key: [UInt8]
    package let value: [UInt8]
    /// The collation key.
    package let order: [UInt8]
    let place: RowPlace

    init(_ row: PostgresRow) throws {
        let (head, tail, id, position, key, value) =
            try row.decode([UInt8].self, [UInt8]?.self, String.self, Int32.self, [UInt8].self, [UInt8].self)
        place = RowPlace(key: head, id: id, position: position)
        isCut = tail != nil
        order = tail.map { head + $0 } ?? head
        self.id = id
        self.key = key
        self.value = value
    }

    /// Whether the key is longer than what stands in the index.
    let isCut: Bool

    /// The columns of `view_rows`.
    static let columns = "key, tail, id, position, json, value"
    static let columnCount = 6
}

/// Where a row, or the beginning of a block, stands in the index.
struct RowPlace: Sendable, Hashable {
    let key: [UInt8]
    let id: String
    let position: Int32
}

extension RowPlace: Comparable {
    static func < (lhs: RowPlace, rhs: RowPlace) -> Bool {
        if lhs.key != rhs.key { return lhs.key.lexicographicallyPrecedes(rhs.key) }
        if !lhs.id.utf8.elementsEqual(rhs.id.utf8) { return lhs.id.utf8.lexicographicallyPrecedes(rhs.id.utf8) }
        return lhs.position < rhs.position
    }

    static func == (lhs: RowPlace, rhs: RowPlace) -> Bool {
        lhs.key == rhs.key && lhs.position == rhs.position && lhs.id.utf8.elementsEqual(rhs.id.utf8)
    }
}
