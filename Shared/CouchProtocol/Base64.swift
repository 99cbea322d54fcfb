/// Base64 as RFC 4648 has it, section 4.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each character, 0xFF for those that are none.
    fileprivate static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// Appends the text of these bytes, filled up with `=`.
    package static func encode(_ bytes: [UInt8], to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let second = index + 1 < bytes.count ? bytes[index + 1] : 0
            let third = index + 2 < bytes.count ? bytes[index + 2] : 0
            output.append(alphabet[Int(first >> 2)])
            output.append(alphabet[Int((first & 0x3) << 4 | second >> 4)])
            output.append(index + 1 < bytes.count ? alphabet[Int((second & 0xF) << 2 | third >> 6)] : 0x3D)
            output.append(index + 2 < bytes.count ? alphabet[Int(third & 0x3F)] : 0x3D)
            index += 3
        }
    }

    /// The text of these bytes.
    package static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        encode(bytes, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes that the text stands for, or nil when it is no Base64.
    ///
    /// White space in it is skipped, `=` at its end may be missing.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.underestimatedCount / 4 * 3)
        var decoder = Base64Decoder()
        return decoder.take(text, to: &output) && decoder.finish(to: &output) ? output : nil
    }
}

/// Reads the bytes of a Base64 text that comes in pieces, as ``Base64/decode(_:)`` reads a whole one.
package struct Base64Decoder: Sendable {
    private var bits: UInt32 = 0
    /// How many characters have come, and how many `=` behind them.
    private var count = 0
    private var fill = 0

    package init() {}

    /// Appends the bytes that are complete with these characters.
    ///
    /// - Returns: Whether it is Base64 so far.
    package mutating func append(_ text: [UInt8], to output: inout [UInt8]) -> Bool {
        // Not generic for other modules, which would call it unspecialized.
        take(text, to: &output)
    }

    fileprivate mutating func take(_ text: some Sequence<UInt8>, to output: inout [UInt8]) -> Bool {
        // Copies, which stay in registers.
        let values = Base64.values
        var (bits, count, fill) = (bits, count, fill)
        defer { (self.bits, self.count, self.fill) = (bits, count, fill) }
        for character in text {
            let value = values[Int(character)]
            if value == 0xFF {
                switch character {
                case 0x3D: fill += 1
                case 0x20, 0x09, 0x0A, 0x0D: continue
                default: return false
                }
                continue
            }
            guard fill == 0 else { return false }
            bits = bits << 6 | UInt32(value)
            count += 1
            if count & 3 == 0 {
                output.append(UInt8(truncatingIfNeeded: bits >> 16))
                output.append(UInt8(truncatingIfNeeded: bits >> 8))
                output.append(UInt8(truncatingIfNeeded: bits))
            }
        }
        return true
    }

    /// Appends the bytes that are left.
    ///
    /// - Returns: Whether the text may end here.
    package mutating func finish(to output: inout [UInt8]) -> Bool {
        guard fill == 0 || (count + fill) & 3 == 0 && fill < 3 else { return false }
        switch count & 3 {
        case 0: return true
        case 2: output.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3:
            output.append(UInt8(truncatingIfNeeded: bits >> 10))
            output.append(UInt8(truncatingIfNeeded: bits >> 2))
        default: return false
        }
        return true
    }
}

/// Writes the Base64 text of bytes that come in pieces.
package struct Base64Encoder: Sendable {
    /// What does not fill a group of three bytes.
    private var rest: [UInt8] = []

    package init() {}

    /// Appends the text of what is complete with these bytes.
    package mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var whole = bytes
        if !rest.isEmpty {
            let missing = whole.prefix(3 - rest.count)
            rest += missing
            whole = whole.dropFirst(missing.count)
            guard rest.count == 3 else { return }
            Base64.encode(rest, to: &output)
            rest = []
        }
        let left = whole.count % 3
        Base64.encode(Array(whole.dropLast(left)), to: &output)
        rest = Array(whole.suffix(left))
    }

    /// Appends the text of what is left.
    package mutating func finish(to output: inout [UInt8]) {
        Base64.encode(rest, to: &output)
        rest = []
    }
}
