import CICU
package import CouchProtocol

/// Unicode's collation of strings, by ICU, in the root locale: the order of strings in CouchDB's views
/// (`couch_ejson_compare.c`).
package final class Collator: Sendable {
    /// The one of this process.
    ///
    /// ICU's collators may be used by any number of threads as long as nobody changes their attributes
    /// (<https://unicode-org.github.io/icu/userguide/icu/design.html#icu-threading-model-and-open-and-close-model>),
    /// and nothing here does.
    package static let root = Collator()

    private nonisolated(unsafe) let collator: OpaquePointer  // because what it points to is only read

    private init() {
        guard let collator = fullsync_collator_open() else {
            preconditionFailure("ICU has no data for the root collation")
        }
        self.collator = collator
    }

    deinit { fullsync_collator_close(collator) }

    /// The version of ICU's collation: sort keys of different versions do not go together.
    package var version: UInt32 { fullsync_collator_version(collator) }

    /// What the first text is in comparison with the second.
    package func compare(_ lhs: String, _ rhs: String) -> JSONCollation.Comparison {
        let (left, right) = (Array(lhs.utf16), Array(rhs.utf16))
        switch fullsync_collator_compare(collator, left, Int32(left.count), right, Int32(right.count)) {
        case 0: return .equal
        case ..<0: return .less
        default: return .greater
        }
    }

    /// Appends the text's sort key, without a 0 in it and with one at its end.
    ///
    /// - Parameter text: UTF-8.
    func appendSortKey(of text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        guard text.allSatisfy({ $0 < 0x80 }) else {
            return append(Array(String(decoding: text, as: UTF8.self).utf16), to: &output)
        }
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: max(text.count, 1)) { units in
            for (index, byte) in text.enumerated() { units[index] = UInt16(byte) }
            append(UnsafeBufferPointer(rebasing: units[..<text.count]), to: &output)
        }
    }

    private func append(_ units: [UInt16], to output: inout [UInt8]) {
        units.withUnsafeBufferPointer { append($0, to: &output) }
    }

    private func append(_ units: UnsafeBufferPointer<UInt16>, to output: inout [UInt8]) {
        // Most keys take a little more than a byte for each letter and a few in front of the end.
        var capacity = units.count * 2 + 16
        while true {
            let start = output.count
            var needed: Int32 = 0
            output += [UInt8](unsafeUninitializedCapacity: capacity) { key, count in
                needed = fullsync_collator_sort_key(
                    collator,
                    units.baseAddress,
                    Int32(units.count),
                    key.baseAddress,
                    Int32(capacity)
                )
                count = min(Int(needed), capacity)
            }
            guard Int(needed) > capacity else { return }
            output.removeLast(output.count - start)
            capacity = Int(needed)
        }
    }
}

extension JSONCollation {
    /// CouchDB's order of values, with strings by Unicode's collation.
    package static let unicode = JSONCollation { Collator.root.compare($0, $1) }
}
