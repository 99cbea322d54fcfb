import Executors
import HostNames
import Projects

/// Sees that a connector reaches only where its project may go.
///
/// A name is looked up at each call, and every address that it has must be allowed.
struct AddressGuard: Sendable {
    private let names: HostNames

    init(threads: ThreadPoolExecutor) {
        names = HostNames(threads: threads)
    }

    /// How many addresses of a name are used.
    private static let maximumAddresses = 8

    /// Checks a host; throws `address_refused` with the address that it would reach.
    ///
    /// - Returns: The addresses that are allowed, as texts, always in the same order: who connects to one of them does
    ///   not look the name up again, which may have come to stand for another by then.
    @discardableResult
    func check(
        _ host: String,
        _ rules: AddressRules,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> [String] {
        let bare = Self.bare(host)
        if let address = IPAddress(bare) {
            try Self.check(address, rules)
            return [bare]
        }
        let addresses: [[UInt8]]
        do throws(HostNames.Failure) {
            addresses = try await names.addresses(of: bare, until: deadline)
        } catch {
            // Nothing was sent, however long it took.
            throw .connectFailed(error == .late ? "its name was not resolved in time" : "its name cannot be resolved")
        }
        for address in addresses.compactMap({ IPAddress(bytes: $0) }) { try Self.check(address, rules) }
        let texts = Set(addresses.map(Self.text))
        let (version6, version4) = (texts.filter { $0.contains(":") }, texts.filter { !$0.contains(":") })
        return Array((version4.sorted() + version6.sorted()).prefix(Self.maximumAddresses))
    }

    /// Whether a host is an address, and no name.
    static func isAddress(_ host: String) -> Bool { IPAddress(bare(host)) != nil }

    /// Whether the last label of a host is a number, as no name's is (WHATWG URL, "ends in a number").
    static func endsInNumber(_ host: String) -> Bool {
        let labels = host.lowercased().split(separator: ".", omittingEmptySubsequences: true)
        guard let last = labels.last else { return false }
        return last.utf8.allSatisfy { (0x30...0x39).contains($0) }
            || last.hasPrefix("0x") && last.dropFirst(2).allSatisfy(\.isHexDigit)
    }

    /// A host without the brackets of an IPv6 address.
    private static func bare(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// As people write it, from 4 or 16 bytes.
    private static func text(_ bytes: [UInt8]) -> String {
        guard bytes.count == 16 else { return bytes.map { String($0) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
    }

    /// What tells of an address, as 4 or 16 bytes, whether it may be reached.
    static func test(_ rules: AddressRules) -> @Sendable ([UInt8]) -> Bool {
        { bytes in IPAddress(bytes: bytes).map(rules.allow) ?? false }
    }

    /// Checks one address.
    static func check(_ address: IPAddress, _ rules: AddressRules) throws(ExchangeFailure) {
        guard rules.allow(address) else { throw .addressRefused(address.reach) }
    }
}
