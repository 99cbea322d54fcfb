extension HTTPAuthentication {
    /// The value of the `Authorization` header; nil when it depends on what the server says.
    var headerValue: String? {
        switch self {
        case .bearer(let token): "Bearer \(token)"
        case .basic(let user, let password): Self.basicHeader(user, password)
        case .digest, .oauth2: nil
        }
    }

    /// RFC 7617.
    package static func basicHeader(_ user: String, _ password: String) -> String {
        "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
    }
}

/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0..<4 {
                result.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The bytes of a text; nil when it is not Base64.
    ///
    /// Line ends are passed over, and padding may be left out.
    static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in text.utf8 where byte != 0x0A && byte != 0x0D {
            if byte == UInt8(ascii: "=") { break }
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            bits = (bits << 6 | digit) & 0xFFFF
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return count < 6 ? result : nil
    }
}
