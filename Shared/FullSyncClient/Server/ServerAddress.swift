package import CouchProtocol

/// Where a server is: `http://name:password@host:port/prefix`, the credentials kept apart.
package struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name and its password, which no description shows.
    package struct Credentials: Sendable, Hashable, CustomStringConvertible {
        package let name: String
        let password: String

        /// A name and its password.
        package init(name: String, password: String) {
            self.name = name
            self.password = password
        }

        package var description: String { "credentials of \(name)" }
    }

    /// The address without credentials and without a slash at its end.
    package let base: String
    /// The credentials that stood in the address.
    package let credentials: Credentials?

    /// The address that the text says, of a server by `http` or `https`.
    package init(parsing text: String) throws(CouchError) {
        guard let separator = text.firstRange(of: "://"), ["http", "https"].contains(text[..<separator.lowerBound])
        else { throw .badRequest("A server's address begins with http:// or https://.") }
        var rest = text[separator.upperBound...]
        let path = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
        rest = rest.prefix { $0 != "/" }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0]),
                let password = PercentEncoding.decode(parts.count > 1 ? parts[1] : "")
            else { throw .badRequest("The credentials in a server's address are not percent-encoded.") }
            credentials = Credentials(name: name, password: password)
            rest = rest[rest.index(after: at)...]
        } else {
            credentials = nil
        }
        guard !rest.isEmpty, rest.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw .badRequest("A server's address names a host.")
        }
        guard Self.isPort(rest) else { throw .badRequest("The port in a server's address is 1 to 65535.") }
        var base = text[..<separator.upperBound] + rest + path
        while base.last == "/" { base.removeLast() }
        self.base = String(base)
    }

    /// Whether what stands behind the host, and its brackets when it is an address of IPv6, is nothing or a port.
    private static func isPort(_ hostAndPort: Substring) -> Bool {
        let host = hostAndPort.lastIndex(of: "]").map { hostAndPort[$0...] } ?? hostAndPort
        guard let colon = host.lastIndex(of: ":") else { return true }
        return Int(host[host.index(after: colon)...]).map { 1...65_535 ~= $0 } ?? false
    }

    package var description: String { base }
}

/// The escapes of addresses, as RFC 3986 has them.
enum PercentEncoding {
    /// The text as one segment of a path, or as a value of a query.
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                let digits = Array("0123456789ABCDEF".utf8)
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 0xF)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The text without its escapes; nil when an escape or the text is malformed.
    static func decode(_ text: Substring) -> String? {
        var output: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                output.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            output.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: output, as: UTF8.self)
    }
}
