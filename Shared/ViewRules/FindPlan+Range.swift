import Collation
import CouchProtocol
import JSON
package import Mango

extension FindPlan {
    /// The rows of the plan's index that are to be read.
    ///
    /// - Parameters:
    ///   - isDescending: Whether they are read from the last to the first.
    ///   - bookmark: The last row that was read before; nil for the beginning.
    ///   - limit: How many bytes a key has at most.
    /// - Throws: `invalid_bookmark` for one of a query of another kind.
    package func range(isDescending: Bool, behind bookmark: Bookmark?, limit: Int = .max) throws -> KeyRange {
        let stretch = stretch
        var range = KeyRange(
            lower: KeyBound(key: try Self.prefix(stretch.start)),
            // No tag of a value is as high.
            upper: KeyBound(key: try Self.prefix(stretch.end) + [0xFF]),
            isDescending: isDescending
        )
        guard let bookmark else { return range }
        guard let key = bookmark.key else { throw Bookmark.invalid(.string(bookmark.text)) }
        let bytes = try CollationKey(key[...], limit: limit).bytes
        let bound = KeyBound(key: bytes, id: bookmark.id, isIncluded: false)
        if isDescending { range.upper = bound } else { range.lower = bound }
        return range
    }

    /// With what the keys of all rows begin whose first values are these.
    private static func prefix(_ values: [JSONValue]) throws -> [UInt8] {
        Array(try CollationKey(JSONValue.array(values).bytes[...]).bytes.dropLast())
    }
}
