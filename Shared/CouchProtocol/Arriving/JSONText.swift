import JSON

/// The insides of JSON strings, as bytes between the quotes.
enum JSONText {
    /// What stands for a character that is not ASCII, or an escape that is none: no text of Base64 has it.
    private static let foreign: UInt8 = 0xFF

    /// The bytes of a name; as it is when it is no JSON, which whoever reads it notices.
    static func unescaped(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        let quoted = [UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")]
        guard let string = (try? JSONValue(parsing: quoted))?.stringValue else { return text }
        return Array(string.utf8)
    }

    /// Takes the characters out of a text of ASCII that is still arriving, and leaves an escape that is not whole.
    ///
    /// - Parameter isWhole: Whether the text is at its end.
    static func unescape(_ text: inout [UInt8], isWhole: Bool) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else {
            defer { text = [] }
            return text
        }
        var characters: [UInt8] = []
        characters.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            guard text[position] == UInt8(ascii: "\\") else {
                characters.append(text[position])
                position += 1
                continue
            }
            guard let (character, length) = escape(text[position...]) else {
                if isWhole { characters.append(foreign) }
                break
            }
            characters.append(character)
            position += length
        }
        text.removeFirst(isWhole ? text.count : position)
        return characters
    }

    /// The character that an escape stands for, and how long the escape is; nil when its end is missing.
    private static func escape(_ text: ArraySlice<UInt8>) -> (UInt8, Int)? {
        guard let letter = text.dropFirst().first else { return nil }
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return (letter, 2)
        case UInt8(ascii: "n"): return (0x0A, 2)
        case UInt8(ascii: "r"): return (0x0D, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "u"):
            let digits = text.dropFirst(2).prefix(4)
            guard digits.count == 4 else { return nil }
            let unit = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            return (unit.map { $0 < 0x80 ? $0 : foreign } ?? foreign, 6)
        default: return (foreign, 2)
        }
    }
}
