/// Where the broker is and who we are: an AMQP URL taken apart (RabbitMQ URI specification and query parameters).
struct BrokerAddress: Sendable {
    /// How to secure the connection; nil for plain `amqp`.
    struct TLS: Sendable, Hashable {
        var authoritiesFile: String?
        var certificateFile: String?
        var keyFile: String?
        var verifiesPeer = true
    }

    let host: String
    let port: Int
    let user: String
    let password: String
    let virtualHost: String
    let tls: TLS?

    init(url: String) throws(MessagingError) {
        let isSecure: Bool
        var rest: Substring
        if url.hasPrefix("amqp://") {
            (isSecure, rest) = (false, url.dropFirst(7))
        } else if url.hasPrefix("amqps://") {
            (isSecure, rest) = (true, url.dropFirst(8))
        } else {
            throw .invalidConfiguration("the broker's URL must begin with amqp:// or amqps://")
        }
        guard !rest.contains("#") else {
            throw .invalidConfiguration("the broker's URL has a fragment (write # as %23)")
        }
        let query = Self.cut(&rest, at: "?")
        let path = Self.cut(&rest, at: "/")
        (user, password) = try Self.credentials(&rest)
        (host, port) = try Self.endpoint(rest, defaultPort: isSecure ? 5_671 : 5_672)
        virtualHost = try Self.virtualHost(path)
        tls = try Self.security(query, isSecure: isSecure)
    }

    /// Cuts off what follows the first `separator`.
    private static func cut(_ text: inout Substring, at separator: Character) -> Substring? {
        guard let index = text.firstIndex(of: separator) else { return nil }
        defer { text = text[..<index] }
        return text[text.index(after: index)...]
    }

    private static func credentials(_ rest: inout Substring) throws(MessagingError) -> (String, String) {
        guard let at = rest.lastIndex(of: "@") else { return ("guest", "guest") }
        var user = rest[..<at]
        rest = rest[rest.index(after: at)...]
        let password = cut(&user, at: ":") ?? ""
        return (try decode(user, "user"), try decode(password, "password"))
    }

    private static func endpoint(_ text: Substring, defaultPort: Int) throws(MessagingError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw .invalidConfiguration("the broker's URL has an IPv6 address without its closing bracket")
            }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw .invalidConfiguration("the broker's URL has something between host and port")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            port = cut(&host, at: ":")
        }
        let name = try decode(host, "host")
        guard !name.isEmpty else {
            throw .invalidConfiguration("the broker's URL names no host")
        }
        guard let port else { return (name, defaultPort) }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw .invalidConfiguration("the port of the broker's URL is not a number from 1 to 65535")
        }
        return (name, number)
    }

    private static func virtualHost(_ path: Substring?) throws(MessagingError) -> String {
        guard let path, !path.isEmpty else { return "/" }
        guard !path.contains("/") else {
            throw .invalidConfiguration("the virtual host of the broker's URL has a slash (write it as %2F)")
        }
        return try decode(path, "virtual host")
    }

    private static func security(_ query: Substring?, isSecure: Bool) throws(MessagingError) -> TLS? {
        var tls = TLS()
        for parameter in query?.split(separator: "&") ?? [] {
            guard isSecure else {
                throw .invalidConfiguration("the parameters of the broker's URL are for amqps only")
            }
            var name = parameter
            let value = try decode(cut(&name, at: "=") ?? "", "parameter")
            switch name {
            case "cacertfile": tls.authoritiesFile = value
            case "certfile": tls.certificateFile = value
            case "keyfile": tls.keyFile = value
            case "verify" where value == "verify_peer": tls.verifiesPeer = true
            case "verify" where value == "verify_none": tls.verifiesPeer = false
            case "verify":
                throw .invalidConfiguration("verify in the broker's URL is neither verify_peer nor verify_none")
            default:
                throw .invalidConfiguration(
                    "the broker's URL has a parameter other than cacertfile, certfile, keyfile and verify"
                )
            }
        }
        guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
            throw .invalidConfiguration("the broker's URL needs certfile and keyfile together")
        }
        return isSecure ? tls : nil
    }

    /// Resolves percent-encoding.
    ///
    /// A NUL is refused: the library takes C strings.
    private static func decode(_ text: Substring, _ part: String) throws(MessagingError) -> String {
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(hexadecimal), let low = iterator.next().flatMap(hexadecimal)
            else {
                throw .invalidConfiguration("the \(part) of the broker's URL has a % without two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0), bytes.count <= 1_024, let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .invalidConfiguration("the \(part) of the broker's URL is too long, or not text")
        }
        return decoded
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension BrokerAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Where, and nothing of who.
    var description: String {
        "\(tls == nil ? "amqp" : "amqps")://\(host):\(port)"
    }

    var debugDescription: String { description }

    var customMirror: Mirror {
        Mirror(self, children: ["address": description])
    }
}
