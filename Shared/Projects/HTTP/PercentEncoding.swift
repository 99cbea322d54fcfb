/// How text is written within a URL or a form.
enum PercentEncoding: Sendable {
    /// A segment of a path: only unreserved characters stand for themselves (RFC 3986, section 2.3).
    case component
    /// A name or value in a query: as in a segment.
    case query
    /// A name or value in `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
    case form

    func encode(_ text: String) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isPlain(byte) {
                result.append(byte)
            } else if self == .form, byte == 0x20 {
                result.append(UInt8(ascii: "+"))
            } else {
                result.append(contentsOf: [UInt8(ascii: "%"), Self.digit(byte >> 4), Self.digit(byte & 0xF)])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        case UInt8(ascii: "~"): self != .form
        case UInt8(ascii: "*"): self == .form
        default: false
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}
