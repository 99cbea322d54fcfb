package import Sequences

/// How a value is written within a filter or a name, so that it stays a value whatever it holds.
package enum LDAPEscaping {
    /// A value within a filter (RFC 4515, section 3): `*`, parentheses, backslash and zero as `\XX`.
    package static func filterValue(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if "*()\\".utf8.contains(byte) || byte == 0 {
                result += escaped(byte)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A value within a distinguished name (RFC 4514, section 2.4); an empty one is refused.
    package static func nameValue(_ text: String) throws(SequenceFailure) -> String {
        guard !text.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "a value within a name of the directory is empty")
        }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            let isEdge = index == 0 || index == bytes.count - 1
            if "\"+,;<=>\\".utf8.contains(byte) || byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: " ") && isEdge
                || byte == UInt8(ascii: "#") && index == 0
            {
                result += escaped(byte)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return [UInt8(ascii: "\\"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}

/// Checks the form of filters and names before any directory sees them.
enum LDAPSyntax {
    /// Whether a text is a filter (RFC 4515), as far as its parentheses and comparisons go.
    static func isFilter(_ text: String) -> Bool {
        var rest = text[...]
        return readFilter(&rest, depth: 0) && rest.isEmpty
    }

    private static func readFilter(_ rest: inout Substring, depth: Int) -> Bool {
        guard depth < 32, rest.popFirst() == "(" else { return false }
        switch rest.first {
        case "&", "|":
            rest.removeFirst()
            while rest.first == "(" {
                guard readFilter(&rest, depth: depth + 1) else { return false }
            }
        case "!":
            rest.removeFirst()
            guard readFilter(&rest, depth: depth + 1) else { return false }
        default:
            let item = rest.prefix { $0 != "(" && $0 != ")" }
            rest = rest[item.endIndex...]
            guard let equals = item.firstIndex(of: "="), isAttribute(item[..<equals]) else { return false }
        }
        return rest.popFirst() == ")"
    }

    /// The left side of a comparison: `cn`, `cn;lang-de`, `age>`, `cn:dn:2.4.6:`.
    private static func isAttribute(_ text: Substring) -> Bool {
        var name = text
        if let last = name.last, "<>~".contains(last) { name = name.dropLast() }
        return !name.isEmpty && name.utf8.allSatisfy { isPlain($0) || ";:.-".utf8.contains($0) }
    }

    /// Whether a text is a distinguished name (RFC 4514), as far as its parts have a type and a value.
    static func isName(_ text: String) -> Bool {
        var part = ""
        var parts: [String] = []
        var isEscaped = false
        for character in text {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," || character == "+" {
                parts.append(part)
                part = ""
                continue
            }
            part.append(character)
        }
        guard !isEscaped else { return false }
        return (parts + [part]).allSatisfy { part in
            guard let equals = part.firstIndex(of: "=") else { return false }
            let type = part[..<equals].drop { $0 == " " }
            return !type.isEmpty && type.utf8.allSatisfy { isPlain($0) || ".-".utf8.contains($0) }
        }
    }

    /// Whether a text is the name of an attribute, with options.
    static func isAttributeName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200 && text.utf8.allSatisfy { isPlain($0) || ";.-*+".utf8.contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
