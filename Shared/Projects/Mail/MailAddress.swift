import Foundation

/// Somebody's address, as `ann@example.com` or `Ann Lee <ann@example.com>`.
package struct MailAddress: Sendable, Hashable {
    /// Nil for an address alone.
    package let name: String?
    /// What stands between the angle brackets; ASCII, as servers without SMTPUTF8 take no other.
    package let address: String

    /// The address that the text says, or nil when it says none.
    package init?(_ text: String) {
        let text = text.trimmingCharacters(in: .whitespaces)
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else { return nil }
        if let open = text.lastIndex(of: "<"), text.hasSuffix(">") {
            address = String(text[text.index(after: open)...].dropLast())
            let name = text[..<open].trimmingCharacters(in: .whitespaces)
            let isQuoted = name.count > 1 && name.hasPrefix("\"") && name.hasSuffix("\"")
            let plain = isQuoted ? name.dropFirst().dropLast() : name[...]
            self.name = plain.isEmpty ? nil : String(plain)
        } else {
            name = nil
            address = text
        }
        guard Self.isAddress(address) else { return nil }
    }

    /// What stands behind the `@`.
    var domain: String { String(address.split(separator: "@").last ?? "") }

    /// The address as a header says it.
    var header: String {
        guard let name else { return address }
        return "\(MailHeader.word(name)) <\(address)>"
    }

    /// RFC 5321, section 4.1.2, without quoted local parts and addresses in brackets, which nobody has.
    private static func isAddress(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, (1...64).contains(parts[0].count), (1...255).contains(parts[1].count) else {
            return false
        }
        let isLocal = parts[0].allSatisfy { isLetterOrDigit($0) || "!#$%&'*+-/=?^_`{|}~.".utf8.contains($0) }
        let isDomain = parts[1].allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        return isLocal && isDomain
            && parts.allSatisfy { part in
                part.first != UInt8(ascii: ".") && part.last != UInt8(ascii: ".")
                    && !part.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).contains {
                        $0.isEmpty
                    }
            }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

/// Texts in headers of mails.
enum MailHeader {
    /// A text as it may stand in a header: as it is where it is plain, and in encoded words (RFC 2047) otherwise.
    static func text(_ text: String) -> String {
        let isASCII = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        let isPlain = isASCII && !text.contains("=?") && text.utf8.count <= 900
        return isPlain ? text : encodedWords(text)
    }

    /// A name in front of an address: a quoted string (RFC 5322, section 3.2.4) where it is plain.
    static func word(_ text: String) -> String {
        guard text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), !text.contains("=?") else {
            return encodedWords(text)
        }
        let escaped = text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        return "\"\(escaped)\""
    }

    /// Words that are cut between characters, on lines of their own.
    private static func encodedWords(_ text: String) -> String {
        var words: [String] = []
        var bytes: [UInt8] = []
        func end() {
            if !bytes.isEmpty { words.append("=?UTF-8?B?\(Data(bytes).base64EncodedString())?=") }
            bytes = []
        }
        for scalar in text.unicodeScalars {
            let next = Array(String(scalar).utf8)
            // 36 bytes are 48 in Base64: with the name in front of it a line has no more than 76.
            if bytes.count + next.count > 36 { end() }
            bytes += next
        }
        end()
        return words.joined(separator: "\r\n ")
    }
}
