import Settings

/// Where a page comes from, as browsers say it: `https://app.example`, `capacitor://localhost`.
struct Origin: Hashable, Sendable {
    /// As browsers write it: in small letters, without the scheme's own port and without a path.
    let text: String
    let scheme: String
    /// The host, and the port where it is not the scheme's own.
    let authority: String

    /// The origin that a text names exactly; nil when it names none, or all (`*`), or the one of nobody (`null`).
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        scheme = String(text[..<colon])
        authority = String(text[colon...].dropFirst("://".count))
        self.text = text
        guard let first = scheme.utf8.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= first,
            scheme.utf8.allSatisfy({ Self.isOfName($0) || $0 == UInt8(ascii: "+") })
        else { return nil }
        // Files have no host; with a host there is nothing else.
        guard !authority.isEmpty || scheme == "file" else { return nil }
        guard authority.utf8.allSatisfy({ Self.isOfName($0) || Self.isOfAddress($0) }) else { return nil }
        guard let port = Self.ownPort[scheme], authority.hasSuffix(":\(port)") else { return }
        return nil
    }

    /// Whether a request to that host, in small letters, with or without a port, went to where the page comes from.
    func isAt(_ host: String) -> Bool {
        if host == authority { return true }
        return Self.ownPort[scheme].map { host == "\(authority):\($0)" } ?? false
    }

    private static let ownPort = ["http": 80, "https": 443]

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
