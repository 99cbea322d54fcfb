/// What one map function made of one document.
package enum MapOutcome: Sendable {
    /// The rows that it emitted, in order.
    case rows([MapRow])
    /// The function threw, which leaves this document without rows and harms nothing else.
    case failed(ScriptError)
}

/// A row that a map function emitted.
///
/// Both parts are compact JSON texts in UTF-8, and slices of one buffer, so that a batch costs no copy for each row.
package struct MapRow: Sendable, Hashable {
    package let key: ArraySlice<UInt8>
    package let value: ArraySlice<UInt8>

    package init(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        self.key = key
        self.value = value
    }
}

/// What a filter function said of one document.
package enum FilterOutcome: Sendable, Hashable {
    case passes
    case doesNotPass
    /// The function threw.
    case failed(ScriptError)
}
