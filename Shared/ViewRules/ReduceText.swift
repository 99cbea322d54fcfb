import JSON

/// What a reduce function in JavaScript is given, as JSON texts that grow row by row.
package struct ReduceText: Sendable {
    private var openKeys: [UInt8] = [UInt8(ascii: "[")]
    private var openValues: [UInt8] = [UInt8(ascii: "[")]

    /// Nothing yet.
    package init() {}

    /// Adds a row, its key and its value as JSON texts.
    package mutating func add(key: [UInt8], id: String, value: [UInt8]) {
        if openKeys.count > 1 { openKeys.append(UInt8(ascii: ",")) }
        openKeys.append(UInt8(ascii: "["))
        openKeys += key
        openKeys.append(UInt8(ascii: ","))
        JSONValue.write(string: id, to: &openKeys)
        openKeys.append(UInt8(ascii: "]"))
        add(value)
    }

    /// Adds a reduction, which is to be reduced again.
    package mutating func add(_ reduction: Reduction) {
        add(reduction.bytes)
    }

    private mutating func add(_ value: [UInt8]) {
        if openValues.count > 1 { openValues.append(UInt8(ascii: ",")) }
        openValues += value
    }

    /// The array of pairs of a key and a document's id.
    package var keys: [UInt8] { openKeys + [UInt8(ascii: "]")] }
    /// The array of values, or of reductions.
    package var values: [UInt8] { openValues + [UInt8(ascii: "]")] }
}
