/// The value of a `Content-Type` header, taken apart (RFC 9110, section 8.3).
package struct MediaType: Hashable, Sendable {
    /// `type/subtype` in small letters.
    package let name: String
    /// The parameters by their names in small letters; of one that stands twice, the first.
    package let parameters: [String: String]

    /// The media type that the text says; what makes no sense in its parameters is left out.
    package init(_ text: String) {
        var scanner = FieldScanner(text)
        name = scanner.token(until: [UInt8(ascii: ";")]).lowercased()
        var parameters: [String: String] = [:]
        while scanner.skip(UInt8(ascii: ";")) {
            let key = scanner.token(until: [UInt8(ascii: "="), UInt8(ascii: ";")]).lowercased()
            guard scanner.skip(UInt8(ascii: "=")) else { continue }
            let value = scanner.value(until: UInt8(ascii: ";"))
            if !key.isEmpty, parameters[key] == nil { parameters[key] = value }
        }
        self.parameters = parameters
    }

    /// Whether it is one of the `multipart` types.
    package var isMultipart: Bool { name.hasPrefix("multipart/") }
}

/// Reads the value of a header from front to back.
struct FieldScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Takes that byte, if it is the next that is no white space.
    mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// The text up to one of these bytes or the end, without the white space around it.
    mutating func token(until ends: Set<UInt8>) -> String {
        skipSpace()
        let start = position
        while position < bytes.count, !ends.contains(bytes[position]) { position += 1 }
        var end = position
        while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// A value up to that byte or the end: a token, or a quoted string with `\` before what must not end it.
    mutating func value(until end: UInt8) -> String {
        guard skip(UInt8(ascii: "\"")) else { return token(until: [end]) }
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\"), position + 1 < bytes.count { position += 1 }
            text.append(bytes[position])
            position += 1
        }
        // What stands between the closing quote and the end of the parameter is nobody's.
        while position < bytes.count, bytes[position] != end { position += 1 }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func skipSpace() {
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
