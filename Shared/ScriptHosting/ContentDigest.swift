/// A 128-bit digest of texts, by FNV-1a, with each text's length.
///
/// It finds compiled functions again inside one pool, where nobody gains by a collision: whoever can write one design
/// document's functions would only get the rows of their own.
struct ContentDigest {
    private var state: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D
    private static let prime: UInt128 = 0x0000_0000_0100_0000_0000_0000_0000_013B

    /// Adds a text.
    mutating func add(_ bytes: some Collection<UInt8>) {
        mix(bytes)
        mix(String(bytes.count).utf8)
        mix([0])
    }

    private mutating func mix(_ bytes: some Collection<UInt8>) {
        for byte in bytes { state = (state ^ UInt128(byte)) &* Self.prime }
    }

    /// The digest as text.
    var text: String { String(state, radix: 36) }
}
