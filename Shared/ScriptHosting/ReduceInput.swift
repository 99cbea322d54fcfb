/// What one call of a reduce function gets.
///
/// All parts are JSON texts in UTF-8.
package enum ReduceInput: Sendable, Hashable {
    /// Rows of the index: `fn(keys, values, false)`.
    ///
    /// `keys` is an array of pairs, each of a key and the identifier of the document that emitted it; `values` an array
    /// of as many values.
    case rows(keys: ArraySlice<UInt8>, values: ArraySlice<UInt8>)
    /// An array of reductions that the same function made: `fn(null, values, true)`.
    case reductions(ArraySlice<UInt8>)

    /// The pairs of keys and identifiers; nil for reductions.
    package var keys: ArraySlice<UInt8>? {
        switch self {
        case .rows(let keys, _): keys
        case .reductions: nil
        }
    }

    /// The values or the reductions.
    package var values: ArraySlice<UInt8> {
        switch self {
        case .rows(_, let values): values
        case .reductions(let values): values
        }
    }

    /// How many bytes the parts have.
    package var size: Int { (keys?.count ?? 0) + values.count }
}
