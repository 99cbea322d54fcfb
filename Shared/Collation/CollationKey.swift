/// The bytes by which a JSON value is ordered: those of a value that comes first come first, as bytes.
///
/// A tag says the type; numbers are doubles whose bits keep their order; strings are ICU's sort keys; arrays and objects
/// are their parts and an end that is less than every tag. So a key is never the beginning of another one, and what
/// begins with the bytes of an array's first parts is every array that begins with these parts.
///
/// Source of the orders: <https://docs.couchdb.org/en/stable/ddocs/views/collation.html#collation-specification>
package struct CollationKey: Sendable, Hashable {
    package var bytes: [UInt8]

    /// Which order is meant: a design document's `options.collation`.
    package enum Order: String, Sendable, Hashable {
        /// null, false, true, numbers, strings by Unicode's collation, arrays, objects.
        case unicode
        /// Erlang's order: numbers, false, null, true, objects, arrays, strings by their bytes.
        case raw
    }

    /// Why a text has no key.
    package enum Failure: Error, Hashable {
        case malformed
        case tooDeep
        case tooLong
    }

    /// How deep a key may be nested, as documents may.
    static let depthLimit = 512

    /// The key of a valid JSON text.
    ///
    /// - Parameters:
    ///   - limit: How many bytes the key may have.
    package init(
        _ json: ArraySlice<UInt8>,
        order: Order = .unicode,
        limit: Int = .max
    ) throws(Failure) {
        bytes = try json.withUnsafeBufferPointer { text throws(Failure) in
            var writer = CollationKeyWriter(text: text, order: order, limit: limit)
            return try writer.whole()
        }
    }

    /// The parts of an array as keys of their own; nil when the key is that of something else.
    ///
    /// - Parameter json: The text that the key was made of.
    /// - Returns: How many bytes the key's tag and its first `count` parts are, and of the text those with the `[`;
    ///   the whole when the array has fewer parts.
    package static func prefix(
        ofFirst count: Int,
        in json: ArraySlice<UInt8>,
        order: Order
    ) throws(Failure) -> Prefix? {
        guard json.first == UInt8(ascii: "[") else { return nil }
        return try json.withUnsafeBufferPointer { text throws(Failure) in
            var writer = CollationKeyWriter(text: text, order: order, limit: .max)
            return try writer.prefix(count)
        }
    }

    /// The beginning of an array.
    package struct Prefix: Sendable, Hashable {
        /// The bytes with which the keys of all arrays with this beginning begin.
        package let bytes: [UInt8]
        /// How many bytes of the text the parts and the `[` are.
        package let textLength: Int
        /// Whether the array has fewer parts, and the bytes are its whole key.
        package let isWhole: Bool
    }
}

extension CollationKey: Comparable {
    package static func < (lhs: CollationKey, rhs: CollationKey) -> Bool {
        lhs.bytes.lexicographicallyPrecedes(rhs.bytes)
    }
}
