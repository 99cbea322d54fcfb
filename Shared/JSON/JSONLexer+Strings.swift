extension JSONLexer {
    /// What a string holds besides plain text.
    struct StringShape {
        /// The bytes between the quotes.
        var content: Range<Int>
        var hasEscapes = false
        /// Whether it holds `\u0000` or half a surrogate pair, which are valid JSON but no PostgreSQL text.
        var hasUnstorable = false
    }

    /// Steps over a string whose opening quote is at the position.
    mutating func string() throws(JSONError) -> StringShape {
        position += 1
        var shape = StringShape(content: position..<position)
        while true {
            skipPlain()
            guard position < end else { throw error("a string without an end") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                shape.content = shape.content.lowerBound..<position
                position += 1
                return shape
            case UInt8(ascii: "\\"):
                shape.hasEscapes = true
                let scalar = try escape()
                if scalar == nil || scalar == "\0" { shape.hasUnstorable = true }
            case 0x00..<0x20:
                throw error("a control character in a string")
            default:
                try skipMultibyte()
            }
        }
    }

    /// Steps over ASCII that needs no attention, eight bytes at a time.
    @inline(__always)
    private mutating func skipPlain() {
        guard let base = bytes.baseAddress else { return }
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while position + 8 <= end {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
            )
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // Per byte: the top bit is set where the byte is a quote, a backslash, below 0x20, or not ASCII. A borrow
            // can only set a bit above one that is set rightly, and only the lowest is used.
            let special =
                ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                | ((word &- (ones &* 0x20)) & ~word) | word
            let flags = special & tops
            guard flags == 0 else {
                position += flags.trailingZeroBitCount >> 3
                return
            }
            position += 8
        }
        while position < end {
            let byte = bytes[position]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            position += 1
        }
    }

    /// Steps over one character of two to four bytes, which must be UTF-8 in its shortest form and no surrogate.
    private mutating func skipMultibyte() throws(JSONError) {
        let first = bytes[position]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: throw error("a string that is not UTF-8")
        }
        guard position + length <= end, second.contains(bytes[position + 1]) else {
            throw error("a string that is not UTF-8")
        }
        for offset in 2..<max(length, 2) where bytes[position + offset] & 0xC0 != 0x80 {
            throw error("a string that is not UTF-8")
        }
        position += length
    }

    /// Steps over an escape; nil for half a surrogate pair.
    mutating func escape() throws(JSONError) -> Unicode.Scalar? {
        position += 1
        guard position < end else { throw error("a string without an end") }
        let letter = bytes[position]
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            position += 1
            return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return simple("\u{8}")
        case UInt8(ascii: "f"): return simple("\u{C}")
        case UInt8(ascii: "n"): return simple("\n")
        case UInt8(ascii: "r"): return simple("\r")
        case UInt8(ascii: "t"): return simple("\t")
        case UInt8(ascii: "u"):
            position += 1
            return try unicodeEscape()
        default: throw error("an unknown escape")
        }
    }

    private mutating func simple(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        position += 1
        return scalar
    }

    /// Reads the four digits of `\uXXXX`, and the second half of a surrogate pair if it follows.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar? {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        guard first < 0xDC00, position + 1 < end, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { return nil }
        let afterFirst = position
        position += 2
        let second = try codeUnit()
        guard 0xDC00...0xDFFF ~= second else {
            // Not the other half: an escape of its own, read again on its own.
            position = afterFirst
            return nil
        }
        return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        guard position + 4 <= end else { throw error("four hexadecimal digits are expected after \\u") }
        var result: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch bytes[position] {
            case 0x30...0x39: digit = bytes[position] - 0x30
            case 0x41...0x46: digit = bytes[position] - 0x37
            case 0x61...0x66: digit = bytes[position] - 0x57
            default: throw error("four hexadecimal digits are expected after \\u")
            }
            result = result << 4 | UInt16(digit)
            position += 1
        }
        return result
    }

    /// The text of a string that was stepped over.
    ///
    /// Half a surrogate pair, which Unicode text cannot hold, is read as U+FFFD, as browsers do when they write it.
    func text(of shape: StringShape) -> String {
        let content = UnsafeBufferPointer(rebasing: bytes[shape.content])
        guard shape.hasEscapes else { return String(decoding: content, as: UTF8.self) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(content.count)
        decode(shape.content, into: &decoded)
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Appends the text of string content that is known to be valid, its escapes resolved.
    func decode(_ content: Range<Int>, into output: inout [UInt8]) {
        var reader = self
        reader.position = content.lowerBound
        var start = reader.position
        while reader.position < content.upperBound {
            guard bytes[reader.position] == UInt8(ascii: "\\") else {
                reader.position += 1
                continue
            }
            output.append(contentsOf: bytes[start..<reader.position])
            guard let scalar = try? reader.escape() else {
                // Half a pair; whether the escape was read decides how far to go on.
                output.append(contentsOf: "\u{FFFD}".utf8)
                start = reader.position
                continue
            }
            output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            start = reader.position
        }
        output.append(contentsOf: bytes[start..<content.upperBound])
    }
}
