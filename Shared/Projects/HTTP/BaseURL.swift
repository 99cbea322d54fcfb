/// The address of a back end: scheme, host, port and a path that all requests begin with.
package struct BaseURL: Sendable, Hashable {
    /// `http` or `https`.
    package let scheme: String
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    package let host: String
    package let port: Int
    /// Empty, or begins with `/` and does not end with it.
    package let path: String

    /// Reads `http://host:port/path`; throws the reason, which never repeats the text.
    package init(_ text: String) throws(InvalidURL) {
        guard let colon = text.firstRange(of: "://") else { throw InvalidURL("must begin with http:// or https://") }
        scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { throw InvalidURL("must begin with http:// or https://") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw InvalidURL("may hold printable ASCII characters only")
        }
        guard !text.contains("?"), !text.contains("#") else {
            throw InvalidURL("may have neither a query nor a fragment")
        }
        let rest = text[colon.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        guard !authority.contains("@") else {
            throw InvalidURL("may not hold credentials; use 'authentication'")
        }
        (host, port) = try Self.hostAndPort(authority, standard: scheme == "https" ? 443 : 80)
        var path = rest[slash...]
        while path.hasSuffix("/") { path = path.dropLast() }
        self.path = String(path)
    }

    private static func hostAndPort(_ text: Substring, standard: Int) throws(InvalidURL) -> (String, Int) {
        var host = text
        var port = standard
        let afterBracket = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[afterBracket...].lastIndex(of: ":") {
            host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            guard let number = Int(digits), (1...65_535).contains(number), digits.allSatisfy(\.isNumber) else {
                throw InvalidURL("has a port that is none")
            }
            port = number
        }
        let isName = host.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        let isAddress =
            host.hasPrefix("[") && host.hasSuffix("]")
            && host.dropFirst().dropLast().utf8.allSatisfy { byte in
                Character(Unicode.Scalar(byte)).isHexDigit || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
            }
        guard !host.isEmpty, isName || isAddress else { throw InvalidURL("has no host, or one that is none") }
        return (String(host), port)
    }

    /// Scheme, host and port.
    package var origin: String {
        let standard = scheme == "https" ? 443 : 80
        return "\(scheme)://\(host)" + (port == standard ? "" : ":\(port)")
    }
}

/// Why a text is no base address; never repeats the text, which may come from a secret.
package struct InvalidURL: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ reason: String) {
        description = reason
    }
}
