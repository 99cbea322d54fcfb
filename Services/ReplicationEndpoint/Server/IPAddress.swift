import Foundation

/// An address of the Internet, of version 4 or 6.
struct IPAddress: Hashable, Sendable {
    /// Four bytes, or sixteen; a version 4 address that is written as a version 6 one is one of version 4.
    let bytes: [UInt8]

    /// The address that a text names; nil when it names none.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        var version4 = in_addr()
        if inet_pton(AF_INET, text, &version4) == 1 {
            bytes = withUnsafeBytes(of: &version4) { Array($0) }
            return
        }
        var version6 = in6_addr()
        guard inet_pton(AF_INET6, text, &version6) == 1 else { return nil }
        let all = withUnsafeBytes(of: &version6) { Array($0) }
        let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
        bytes = isMapped ? Array(all.suffix(4)) : all
    }

    /// What one client is counted by: the address, or the /64 that a version 6 client picks its addresses from.
    var countedAs: [UInt8] { bytes.count == 4 ? bytes : Array(bytes.prefix(8)) }
}

/// A range of addresses: `10.0.0.0/8`, `::1`.
struct IPNetwork: Hashable, Sendable {
    /// As it was written.
    let text: String
    private let address: IPAddress
    private let prefix: Int

    /// The network that a text names, with or without the length of its prefix; nil when it names none.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        let longest = address.bytes.count * 8
        guard let prefix = parts.count == 1 ? longest : Int(parts[1]), 0...longest ~= prefix else { return nil }
        self.text = String(text)
        self.address = address
        self.prefix = prefix
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let whole = prefix / 8
        guard other.bytes.prefix(whole).elementsEqual(address.bytes.prefix(whole)) else { return false }
        let rest = prefix % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - rest))
        return other.bytes[whole] & mask == address.bytes[whole] & mask
    }
}
