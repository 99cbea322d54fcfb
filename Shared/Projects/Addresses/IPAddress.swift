/// An address of the internet protocol, in one form for both versions.
package struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes, in the network's order.
    package let bytes: [UInt8]

    /// The address of those bytes; nil unless there are 4 or 16.
    ///
    /// An IPv4 address that is written as IPv6 (mapped, or translated by NAT64) is the IPv4 address that it reaches.
    package init?(bytes: some Collection<UInt8>) {
        let all = Array(bytes)
        let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        let translated: [UInt8] = [0, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8)
        switch all.count {
        case 4: self.bytes = all
        case 16 where all.starts(with: mapped) || all.starts(with: translated): self.bytes = Array(all[12...])
        case 16: self.bytes = all
        default: return nil
        }
    }

    /// Reads `10.0.0.1` or `fd00::1`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        if text.contains(":") {
            guard let bytes = Self.version6(text) else { return nil }
            self.init(bytes: bytes)
        } else {
            guard let bytes = Self.version4(text) else { return nil }
            self.init(bytes: bytes)
        }
    }

    private static func version4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            // A leading zero means octal to some readers: such a text has no one meaning.
            let isPlain = part.allSatisfy { $0.isASCII && $0.isNumber } && (part == "0" || !part.hasPrefix("0"))
            guard isPlain, let byte = UInt8(part) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func version6(_ text: some StringProtocol) -> [UInt8]? {
        let halves = String(text).split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1]), head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        guard !text.isEmpty else { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(".") {
                guard let last = version4(part) else { return nil }
                bytes += last
            } else {
                let isHexadecimal = part.allSatisfy { $0.isASCII && $0.isHexDigit }
                guard isHexadecimal, (1...4).contains(part.count), let group = UInt16(part, radix: 16) else {
                    return nil
                }
                bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
        }
        return bytes
    }
}

extension IPAddress {
    /// Where an address leads.
    package enum Reach: String, Sendable, Hashable, CaseIterable {
        /// Anywhere on the internet.
        case `public`
        /// A network of one's own: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7.
        case `private`
        /// The machine itself: 127/8, ::1.
        case loopback
        /// The cable and what hangs on it, clouds' metadata services included: 169.254/16, fe80::/10.
        case linkLocal
        /// No single other machine: unspecified, multicast, reserved.
        case none
    }

    /// Where the address leads.
    ///
    /// Source: IANA's registries of special-purpose addresses.
    package var reach: Reach {
        for (network, reach) in Self.special where network.contains(self) { return reach }
        return .public
    }

    /// The narrower before the wider.
    private static let special: [(AddressNetwork, Reach)] = [
        // Metadata services of clouds that are not link-local.
        ("fd00:ec2::254/128", .linkLocal), ("100.100.100.200/32", .linkLocal),
        ("127.0.0.0/8", .loopback), ("::1/128", .loopback),
        ("169.254.0.0/16", .linkLocal), ("fe80::/10", .linkLocal),
        ("10.0.0.0/8", .private), ("172.16.0.0/12", .private), ("192.168.0.0/16", .private),
        ("100.64.0.0/10", .private), ("fc00::/7", .private),
        ("0.0.0.0/8", .none), ("224.0.0.0/4", .none), ("240.0.0.0/4", .none), ("::/128", .none), ("ff00::/8", .none),
    ].compactMap { text, reach in AddressNetwork(text).map { ($0, reach) } }
}

/// A block of addresses: `10.1.0.0/16`, or one address.
package struct AddressNetwork: Sendable, Hashable {
    private let address: IPAddress
    private let prefix: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress(first) else { return nil }
        let bits = address.bytes.count * 8
        guard parts.count == 2 else {
            (self.address, prefix) = (address, bits)
            return
        }
        guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let prefix = Int(parts[1]), prefix <= bits else {
            return nil
        }
        (self.address, self.prefix) = (address, prefix)
    }

    package func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        for (index, byte) in address.bytes.enumerated() {
            let bits = min(8, max(0, prefix - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            guard byte & mask == other.bytes[index] & mask else { return false }
        }
        return true
    }
}
