/// Reads a JSON text and writes its ``CollationKey``.
struct CollationKeyWriter {
    let text: UnsafeBufferPointer<UInt8>
    let order: CollationKey.Order
    let limit: Int
    private var position = 0
    private var output: [UInt8] = []

    /// The first byte of each type, and what ends arrays and objects.
    private enum Tag {
        static let end: UInt8 = 1
        static func null(_ order: CollationKey.Order) -> UInt8 { order == .unicode ? 2 : 4 }
        static func bool(_ value: Bool, _ order: CollationKey.Order) -> UInt8 {
            order == .unicode ? (value ? 4 : 3) : (value ? 5 : 3)
        }
        static func number(_ order: CollationKey.Order) -> UInt8 { order == .unicode ? 5 : 2 }
        static func string(_ order: CollationKey.Order) -> UInt8 { order == .unicode ? 6 : 8 }
        static func array(_ order: CollationKey.Order) -> UInt8 { 7 }
        static func object(_ order: CollationKey.Order) -> UInt8 { order == .unicode ? 8 : 6 }
    }

    init(text: UnsafeBufferPointer<UInt8>, order: CollationKey.Order, limit: Int) {
        self.text = text
        self.order = order
        self.limit = limit
        output.reserveCapacity(text.count * 2 + 16)
    }

    /// The key of the whole text.
    mutating func whole() throws(CollationKey.Failure) -> [UInt8] {
        try value(depth: 0)
        skipSpace()
        guard position == text.count else { throw .malformed }
        return output
    }

    /// The key of an array's beginning.
    mutating func prefix(_ count: Int) throws(CollationKey.Failure) -> CollationKey.Prefix {
        output.append(Tag.array(order))
        position += 1
        var (end, left) = (position, count)
        skipSpace()
        while true {
            guard left > 0 else {
                return CollationKey.Prefix(bytes: output, textLength: end, isWhole: false)
            }
            if next == UInt8(ascii: "]") { break }
            left -= 1
            try value(depth: 1)
            end = position
            skipSpace()
            if next == UInt8(ascii: ",") { position += 1 }
            skipSpace()
        }
        output.append(Tag.end)
        return CollationKey.Prefix(bytes: output, textLength: end, isWhole: true)
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value(depth: Int) throws(CollationKey.Failure) {
        guard depth <= CollationKey.depthLimit else { throw .tooDeep }
        guard output.count <= limit else { throw .tooLong }
        skipSpace()
        switch next {
        case UInt8(ascii: "n"): try literal(4, Tag.null(order))
        case UInt8(ascii: "t"): try literal(4, Tag.bool(true, order))
        case UInt8(ascii: "f"): try literal(5, Tag.bool(false, order))
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case nil: throw .malformed
        default: try number()
        }
        guard output.count <= limit else { throw .tooLong }
    }

    private mutating func literal(_ length: Int, _ tag: UInt8) throws(CollationKey.Failure) {
        guard position + length <= text.count else { throw .malformed }
        position += length
        output.append(tag)
    }

    private mutating func array(depth: Int) throws(CollationKey.Failure) {
        output.append(Tag.array(order))
        position += 1
        skipSpace()
        while next != UInt8(ascii: "]") {
            try value(depth: depth)
            try separator(UInt8(ascii: "]"))
        }
        position += 1
        output.append(Tag.end)
    }

    private mutating func object(depth: Int) throws(CollationKey.Failure) {
        output.append(Tag.object(order))
        position += 1
        skipSpace()
        while next != UInt8(ascii: "}") {
            guard next == UInt8(ascii: "\"") else { throw .malformed }
            try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw .malformed }
            position += 1
            try value(depth: depth)
            try separator(UInt8(ascii: "}"))
        }
        position += 1
        output.append(Tag.end)
    }

    private mutating func separator(_ end: UInt8) throws(CollationKey.Failure) {
        skipSpace()
        if next == UInt8(ascii: ",") {
            position += 1
            skipSpace()
        } else if next != end {
            throw .malformed
        }
    }

    // MARK: - Numbers

    private mutating func number() throws(CollationKey.Failure) {
        let start = position
        var (whole, isShort) = (0, true)
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { position += 1 }
        while let byte = next, byte != UInt8(ascii: ","), byte != UInt8(ascii: "]"), byte != UInt8(ascii: "}"),
            byte > 0x20
        {
            if isShort, 0x30...0x39 ~= byte, position - start < 16 {
                whole = whole * 10 + Int(byte - 0x30)
            } else {
                isShort = false
            }
            position += 1
        }
        let digits = UnsafeBufferPointer(rebasing: text[start..<position])
        guard position > start + (isNegative ? 1 : 0) else { throw .malformed }
        if isShort {
            append(Double(isNegative ? -whole : whole))
        } else {
            guard let double = Double(String(decoding: digits, as: UTF8.self)) else { throw .malformed }
            append(double)
        }
    }

    /// A double's bits count up with it once those of negative ones are turned over and the others' sign is set.
    private mutating func append(_ number: Double) {
        let bits = (number == 0 ? 0 : number).bitPattern
        let ordered = bits >> 63 == 1 ? ~bits : bits | 1 << 63
        output.append(Tag.number(order))
        for shift in stride(from: 56, through: 0, by: -8) { output.append(UInt8(truncatingIfNeeded: ordered >> shift)) }
    }

    // MARK: - Strings

    private mutating func string() throws(CollationKey.Failure) {
        position += 1
        let start = position
        var hasEscapes = false
        while let byte = next, byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        guard position < text.count else { throw .malformed }
        let content = UnsafeBufferPointer(rebasing: text[start..<position])
        position += 1
        output.append(Tag.string(order))
        // A text of more bytes than the limit cannot have a key within it; ICU need not look at megabytes.
        guard content.count / 8 <= limit else { throw .tooLong }
        if hasEscapes {
            JSONText.unescaped(content).withUnsafeBufferPointer { append($0) }
        } else {
            append(content)
        }
    }

    private mutating func append(_ content: UnsafeBufferPointer<UInt8>) {
        switch order {
        case .unicode: Collator.root.appendSortKey(of: content, to: &output)
        case .raw:
            // 0 ends the text; one within it has 255 behind it, which no tag is.
            for byte in content {
                output.append(byte)
                if byte == 0 { output.append(255) }
            }
            output.append(0)
        }
    }
}

/// The text of JSON strings.
enum JSONText {
    /// The UTF-8 of what stands between the quotes; half a surrogate pair becomes U+FFFD.
    static func unescaped(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        var position = 0
        while position < content.count {
            let byte = content[position]
            position += 1
            guard byte == UInt8(ascii: "\\"), position < content.count else {
                output.append(byte)
                continue
            }
            let letter = content[position]
            position += 1
            switch letter {
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                let scalar = scalar(content, &position)
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: output.append(letter)
            }
        }
        return output
    }

    /// The scalar of one `\uXXXX`, or of two that are a pair; the position is behind the first `u`.
    private static func scalar(_ content: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Unicode.Scalar {
        let first = unit(content, &position)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, position + 1 < content.count, content[position] == UInt8(ascii: "\\"),
            content[position + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        var behind = position + 2
        let second = unit(content, &behind)
        guard 0xDC00...0xDFFF ~= second else { return "\u{FFFD}" }
        position = behind
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    private static func unit(_ content: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 where position < content.count {
            let byte = content[position]
            position += 1
            let digit: UInt8 =
                switch byte {
                case 0x30...0x39: byte - 0x30
                case 0x41...0x46: byte - 0x37
                case 0x61...0x66: byte - 0x57
                default: 0
                }
            result = result << 4 | UInt32(digit)
        }
        return result
    }
}
